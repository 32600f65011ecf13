"""Steps are registered once and in order, whoever is killed or loses a race: on stubs, and in both formats for real."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from publish.histories import OTHER, Place, lacks, night, rows, run
from publish.lake_case import embeddings, labels, registered, settings

from genre_batch.errors import DamageFound, UsageError
from genre_batch.publish.lakes import LakeStep, register_steps
from genre_batch.publish.pointer import steps
from genre_batch.sink import layout
from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import WriteFailed

LAKES = ["iceberg", "delta"]


class _Dead(Exception):
    pass


class _Table:
    """What all handles of a stub see: the steps that were committed."""

    def __init__(self) -> None:
        self.steps: list[str] = []


class StubLake:
    """Commits by compare and swap. `meanwhile` is called before each commit, and may commit or die itself."""

    name = "stub"

    def __init__(self, table: _Table, meanwhile: Callable[[], bool] = lambda: False) -> None:
        self._table, self._meanwhile = table, meanwhile

    def load(self) -> None:
        self._seen = list(self._table.steps)

    @property
    def is_new(self) -> bool:
        return not self._seen

    def has(self, step: str) -> bool:
        return step in self._seen

    def register(self, step: LakeStep) -> bool:
        dies_after = self._meanwhile()
        if self._seen != self._table.steps:
            return False
        self._table.steps.append(step.step)
        self._seen.append(step.step)
        if dies_after:
            raise _Dead
        return True


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, list[str]]:
    """Six steps, one of them without rows."""
    place: Place = LocalStore(), str(tmp_path_factory.mktemp("lakes") / "table")
    for day in range(5):
        night(place, day, {f"a:v{day}": f"genre {day}"})
        run(place)
    lacks(place, "20261126T065212Z-616263", "unknown")
    run(place)
    log = [step.step for step in steps(*place)][::-1]
    assert len(log) == 6
    return place, log[:-1]


@pytest.mark.parametrize("block", range(4))
def test_killed_and_racing_publishers_register_each_step_once(history: tuple[Place, list[str]], block: int) -> None:
    """50 seeds a block."""
    (store, output), log = history
    for seed in range(50 * block, 50 * block + 50):
        chance, table = random.Random(seed), _Table()

        def meanwhile(depth: int = 0, chance: random.Random = chance, table: _Table = table) -> bool:
            event = chance.random()
            if event < 0.3 and depth < 2:
                start(lambda: meanwhile(depth + 1))
            if 0.3 <= event < 0.5:
                raise _Dead
            return event > 0.8

        def start(meanwhile: Callable[[], bool], table: _Table = table) -> None:
            with suppress(_Dead):
                register_steps(store, output, StubLake(table, meanwhile))

        for _ in range(3):
            start(meanwhile)
            assert table.steps == log[: len(table.steps)]
        register_steps(store, output, StubLake(table))
        assert table.steps == log


def test_a_table_of_another_log_and_a_lost_record_are_refused(history: tuple[Place, list[str]], tmp_path: Path) -> None:
    (store, output), log = history
    table = _Table()
    table.steps = ["00000009-other"]
    with pytest.raises(UsageError, match="steps that are not in the log"):
        register_steps(store, output, StubLake(table))
    table.steps = log[:2]
    record = Path(layout.at(output, layout.serving_record_path(log[3])))
    kept = record.read_bytes()
    record.unlink()
    with pytest.raises(DamageFound, match="is missing"):
        register_steps(store, output, StubLake(table))
    record.write_bytes(kept)
    assert register_steps(store, output, StubLake(table)) == 2


def test_a_table_whose_commits_always_fail_ends_with_an_error(
    history: tuple[Place, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genre_batch.publish.lakes.MAX_LOST_RACES", 3)
    table = _Table()
    lake = StubLake(table, lambda: table.steps.append("x") is not None)
    monkeypatch.setattr(lake, "has", lambda _: False)
    monkeypatch.setattr(StubLake, "is_new", True)
    with pytest.raises(WriteFailed, match="in 3 attempts"):
        register_steps(*history[0], lake)


def served(place: Place) -> Counter[tuple[str, str | None]]:
    found = rows(place)
    genres = found["genre"].astype(object).where(found["genre"].notna(), None)
    return Counter(zip(found["track_id"], genres, strict=True))


@pytest.mark.parametrize("lake", LAKES)
def test_each_step_is_a_snapshot_that_can_be_read_later(any_lake_place: Place, lake: str) -> None:
    night(any_lake_place, 0, {"a:v1": "rock", "b:v1": "jazz"})
    assert list(run(any_lake_place, **settings(lake)).registered.values()) == [1]
    night(any_lake_place, 1, {"a:v2": "metal"})
    run(any_lake_place)  # without the lake format: the next one catches up
    night(any_lake_place, 2, {"a:v2": "blues", "b:v1": "soul"}, **OTHER)
    report = run(any_lake_place, model="other-1", **settings(lake))
    assert "2 steps registered in" in report.summary()
    assert list(run(any_lake_place, **settings(lake)).registered.values()) == [0]
    run(any_lake_place, rollback=True, **settings(lake))
    log = [step.step for step in steps(*any_lake_place)][::-1]
    assert registered(any_lake_place[1], lake) == log
    assert labels(any_lake_place[1], lake) == served(any_lake_place)
    assert labels(any_lake_place[1], lake, 0) == Counter([("a", "rock"), ("b", "jazz")])
    assert labels(any_lake_place[1], lake, 1) - labels(any_lake_place[1], lake, 0) == Counter([("a", "metal")])
    assert labels(any_lake_place[1], lake, 3) - labels(any_lake_place[1], lake, 2) == Counter(
        [("a", "metal"), ("b", "jazz")]
    )


@pytest.mark.parametrize("lake", LAKES)
def test_embeddings_are_read_as_they_were_published(any_lake_place: Place, lake: str) -> None:
    written = {"a": [0.5, -1.0], "c": [0.25, 0.75]}
    night(any_lake_place, 0, {"a:v1": "rock"}, embedding=np.array(written["a"], "<f2").tobytes())
    night(any_lake_place, 1, {"b:v1": "jazz"})
    run(any_lake_place, **settings(lake))
    night(any_lake_place, 2, {"c:v1": "pop"}, embedding=np.array(written["c"], "<f2").tobytes())
    run(any_lake_place, **settings(lake))
    assert embeddings(any_lake_place[1], lake) == {**written, "b": None}


@pytest.mark.parametrize("lake", LAKES)
def test_publishers_at_once_register_each_step_once(any_lake_place: Place, lake: str) -> None:
    for day in range(2):
        night(any_lake_place, day, {f"a:v{day}": f"genre {day}"})
        run(any_lake_place)
    ended: list[int] = []
    ready = threading.Barrier(3)

    def work() -> None:
        ready.wait()
        ended.append(sum(run(any_lake_place, **settings(lake)).registered.values()))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(ended) == 2
    assert len(ended) == 3
    assert registered(any_lake_place[1], lake) == [step.step for step in steps(*any_lake_place)][::-1]
    assert labels(any_lake_place[1], lake) == served(any_lake_place)


def publish_and_die(output: str, lake: str, point: str) -> bool:
    root = Path(__file__).parents[2]
    command = [sys.executable, str(Path(__file__).with_name("lake_case.py")), output, lake, point]
    environment = os.environ | {"PYTHONPATH": f"{root}:{root / 'tests'}"}
    code = subprocess.run(command, env=environment, timeout=300, check=False, capture_output=True).returncode
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.mark.faults
@pytest.mark.parametrize("lake", LAKES)
def test_publishers_that_are_killed_for_real_lose_and_double_nothing(lake_place: Place, lake: str) -> None:
    """Ten kills a format, before and after commits and between the files of a commit."""
    points = ["before", "after", "0", "1", "2", "3", "before", "after", "before", "after"]
    deaths = 0
    for day in range(3):
        night(lake_place, day, {f"a:v{day}": f"genre {day}", f"b{day}:v1": "rock"})
        run(lake_place)
    while deaths < 10:
        point = points[deaths]
        if lake == "delta" and point.isdigit():
            point = "after" if int(point) % 2 else "before"
        if not publish_and_die(lake_place[1], lake, point):
            night(lake_place, 3 + deaths, {f"a:v{3 + deaths}": "pop"})
            run(lake_place)
            continue
        deaths += 1
    run(lake_place, **settings(lake))
    assert registered(lake_place[1], lake) == [step.step for step in steps(*lake_place)][::-1]
    assert labels(lake_place[1], lake) == served(lake_place)
