"""All damage to an output is found, and none in an undamaged one."""

import random
from pathlib import Path

import pytest
from sink.table_facts import everything
from verify.injury import REPAIRABLE, UNREPAIRABLE, Injury, extra_file, files_of, flip, flipped, gone, swapped
from verify.outputs import finished_run, tracks_of, two_runs

from genre_batch.errors import UsageError
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import open_store
from genre_batch.verify.verification import RepairReport, VerifyReport, verify
from genre_batch.verify.verify_config import VerifyConfig


def test_a_repair_is_summarised_with_what_it_could_not_repair() -> None:
    report = RepairReport(moved=("a", "b"), again=1, rewritten=0, hopeless=("the listing",))
    assert report.summary().splitlines() == [
        "repair: 2 files moved away, 1 shard redone, 0 markers rewritten",
        "not repaired: the listing",
    ]


Runs = tuple[RunPlan, RunPlan]


def verified(output: Path | str, **settings: object) -> VerifyReport:
    return verify(VerifyConfig.model_validate({"output": str(output), **settings}))


def test_a_clean_output_is_clean_and_nothing_is_written(output: Path, runs: Runs) -> None:
    before = everything(LocalStore(), str(output))
    report = verified(output)
    assert (report.runs, report.finished, report.tracks, report.damage) == (2, 2, 21, 0)
    assert (report.findings, report.counts) == ((), {})
    assert everything(LocalStore(), str(output)) == before


@pytest.mark.parametrize("injury", [*REPAIRABLE, *UNREPAIRABLE])
def test_every_kind_of_damage_is_found(injury: str, output: Path, runs: Runs) -> None:
    (REPAIRABLE | UNREPAIRABLE)[injury](output, runs[1], random.Random(injury))
    report = verified(output)
    assert report.damage, injury
    assert report.findings[0].line() in report.summary()


@pytest.mark.parametrize("seed", range(4))
def test_every_flipped_bit_is_found(seed: int, output: Path, unfinished: RunPlan) -> None:
    """25 random bits, one at a time, in any file except report.json, whose times are recorded nowhere else."""
    rng = random.Random(seed)
    for _ in range(25):
        path = rng.choice([path for path in files_of(output) if path.name != "report.json"])
        whole = path.read_bytes()
        flip(path, rng)
        assert verified(output).damage, path
        path.write_bytes(whole)
    assert not verified(output).damage


@pytest.mark.parametrize(
    ("name", "message"),
    [(name, "its counts are not those of the run") for name in ("scored", "rejected", "jazz", "corrupt")]
    + [(name, "it is not the report of the run") for name in ("listed", "model_id")],
)
def test_the_counts_of_a_report_are_compared(name: str, message: str, output: Path, runs: Runs) -> None:
    report = layout.run_path(runs[0].run_id, "report.json")
    path = output / report
    path.write_text(path.read_text().replace(f'"{name}": ', f'"{name}": 1').replace(': 1"', ': "1'))
    assert [(found.path, found.message) for found in verified(output).findings] == [(report, message)]


def test_an_unfinished_run_is_not_damage(output: Path, unfinished: RunPlan) -> None:
    report = verified(output)
    assert (report.unfinished, report.damage, report.counts) == (1, 0, {"unfinished": 1})


def test_damage_to_an_unfinished_run_is_found(output: Path, unfinished: RunPlan) -> None:
    (output / layout.answers_path(unfinished, 2)).unlink()
    (finding,) = [finding for finding in verified(output).findings if finding.is_damage]
    assert (finding.kind, finding.path, finding.shard) == ("missing", layout.answers_path(unfinished, 2), 2)
    assert finding.tracks == 3


def test_one_run_may_be_checked_alone(output: Path, runs: Runs) -> None:
    (output / layout.answers_path(runs[0], 0)).unlink()
    assert verified(output, run_id=runs[0].run_id).damage
    assert not verified(output, run_id=runs[1].run_id).damage
    with pytest.raises(UsageError, match="no run 2027"):
        verified(output, run_id="20270101T000000Z-000000")


def test_tracks_that_two_runs_scored_are_reported(output: Path, runs: Runs) -> None:
    """Runs over different sources do not exclude each other."""
    source = "s3://music/part/"
    finished_run(LocalStore(), str(output), tracks_of(range(3, 9)), day=3, source=source)
    found = verified(output).findings
    assert {finding.kind for finding in found} == {"scored_twice"}
    assert verified(output).damage == 0
    assert sum(finding.tracks for finding in found) == 4


def test_an_output_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run"):
        verified(tmp_path)


@pytest.mark.parametrize(
    "injury", [flipped("scores/*/*/RUN-*.parquet"), gone("_runs/RUN/commits/*.json"), extra_file, swapped]
)
def test_damage_on_s3_is_found(injury: Injury, bucket: str, tmp_path: Path) -> None:
    table = f"s3://{bucket}/table"
    store = open_store(table)
    _, plan = two_runs(store, table)
    assert not verified(table).damage
    copy = everything(store, table)
    for path, data in copy.items():
        LocalStore().write(f"{tmp_path}/{path}", data)
    injury(tmp_path, plan, random.Random(0))
    now = everything(LocalStore(), str(tmp_path))
    for path in copy.keys() - now.keys():
        store.delete(f"{table}/{path}")
    for path in now:
        store.write(f"{table}/{path}", now[path])
    assert verified(table).damage
