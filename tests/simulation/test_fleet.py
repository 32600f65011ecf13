"""The times of the fleet agree with the figures they are derived from."""

import re
from pathlib import Path
from statistics import mean

import pytest
from simulation import fleet
from simulation.fleet import Fleet, Workload
from two_stages import Role

from genre_batch.catalog.work_units import Batch

DOCS = Path(__file__).parents[2] / "docs" / "performance.md"
NAMES = {"Ogg Vorbis": "ogg"}


def test_stage_times_are_the_measured_ones() -> None:
    table = DOCS.read_text(encoding="utf-8").split("## The stages")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([\w ]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", table, re.MULTILINE)
    measured = {NAMES.get(name, name.lower()): sum(map(float, stages)) for name, *stages in rows}
    assert len(measured) == 8
    for name, ms in fleet._CPU_MS.items():
        assert abs(ms / measured[name] - 1) < 0.01, name


def test_what_the_driver_takes_is_what_was_measured() -> None:
    found = re.search(r"A call costs ([\d.]+) ms and a track ([\d.]+) us", DOCS.read_text(encoding="utf-8"))
    assert found is not None
    assert fleet.driver_cpu_s(1000, 0) == pytest.approx(float(found[1]))
    assert fleet.driver_cpu_s(0, 10**6) == pytest.approx(float(found[2]))


def test_batches_of_a_fleet_adapt_only_if_they_are_to() -> None:
    assert Fleet(Workload(), 10, seed=1).suitable(10) is None
    suitable = Fleet(Workload(most_batch_tracks=256), 10, seed=1).suitable(10)
    assert suitable is not None
    assert 100 < suitable(10**6) <= 256
    assert suitable(800) == 10


def test_the_mean_time_of_a_batch_follows_from_its_formats_and_a_few_are_stragglers() -> None:
    conditions, batch = Fleet(Workload(), 10, seed=1), Batch(0, 0, 32)
    extract = [conditions.fate(Role.EXTRACT, batch).work_s for _ in range(20_000)]
    mean_ms = sum(fleet._CPU_MS[name] * share for name, share in fleet._SHARE.items())
    typical_s = 32 * mean_ms / 1000 / fleet._FLOOR_RATIO
    assert typical_s < mean(extract) < 1.2 * typical_s
    assert 5 < sum(seconds > 5 * typical_s for seconds in extract) < 60
    predict = [conditions.fate(Role.PREDICT, batch).work_s for _ in range(2000)]
    assert 0.15 < mean(predict) < 0.25


def test_the_time_of_a_batch_is_proportional_to_its_size() -> None:
    whole = Fleet(Workload(), 10, seed=1).fate(Role.EXTRACT, Batch(0, 0, 32)).work_s
    half = Fleet(Workload(), 10, seed=1).fate(Role.EXTRACT, Batch(0, 0, 16)).work_s
    assert half == whole / 2


def test_the_first_actors_start_at_once_and_later_ones_wait_for_a_machine() -> None:
    conditions = Fleet(Workload(), 2, seed=1)
    first, second, third = (conditions.start_s() for _ in range(3))
    assert max(first, second) <= 30.0 < 120.0 < third


def test_machines_are_preempted_at_the_given_rate() -> None:
    conditions = Fleet(Workload(preempted=0.01), 2, seed=1)
    lives_h = [conditions.node_life_s() / 3600 for _ in range(5000)]
    assert 95 < mean(lives_h) < 105
