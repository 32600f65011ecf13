"""The state of a run, and whether something missing is damage in that state."""

from pathlib import Path

from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore
from genre_batch.verify.findings import Findings
from genre_batch.verify.output import Output
from genre_batch.verify.records import State
from genre_batch.verify.run_check import CheckedRun, check_run

Runs = tuple[RunPlan, RunPlan]


def check(output: Path, run_id: str) -> tuple[CheckedRun, list[str]]:
    findings, seen = Findings(), []
    run = check_run(
        Output(LocalStore(), str(output)),
        run_id,
        findings,
        lambda _, facts, tracks: seen.append((facts.shard, len(tracks))),
    )
    assert [shard for shard, _ in seen] == sorted(shard for shard, _ in seen)
    return run, [str(finding.kind) for finding in findings.kept]


def test_a_finished_run(output: Path, runs: Runs) -> None:
    run, kinds = check(output, runs[0].run_id)
    assert (run.state, run.tracks, run.answers, kinds) == (State.FINISHED, 15, set(range(4)), [])
    assert run.rejects == {0, 2, 3}


def test_an_unfinished_run(output: Path, unfinished: RunPlan) -> None:
    run, kinds = check(output, unfinished.run_id)
    assert (run.state, run.tracks, run.answers, kinds) == (State.UNFINISHED, 8, {0, 2}, ["unfinished"])


def test_a_run_that_lost_its_manifest_was_finished_all_the_same(output: Path, runs: Runs) -> None:
    for name in ("manifest.json", "report.json"):
        (output / layout.run_path(runs[0].run_id, name)).unlink()
    run, kinds = check(output, runs[0].run_id)
    assert (run.state, kinds) == (State.FINISHED, ["missing"])


def test_a_run_that_never_got_the_head(output: Path) -> None:
    folder = output / "_runs" / "20261119T000000Z-abcdef" / "listing"
    folder.mkdir(parents=True)
    (folder / "part-00000.parquet").write_bytes(b"")
    run, kinds = check(output, "20261119T000000Z-abcdef")
    assert (run.state, kinds) == (State.UNPUBLISHED, ["unpublished"])


def test_a_run_without_a_plan(output: Path, unfinished: RunPlan) -> None:
    (output / layout.plan_path(unfinished.run_id)).unlink()
    run, kinds = check(output, unfinished.run_id)
    assert (run.state, kinds) == (State.LOST, ["missing", "damaged"])


def test_missing_markers_of_a_finished_run_are_named(output: Path, runs: Runs) -> None:
    for shard in (1, 3):
        (output / layout.commit_path(runs[0].run_id, shard)).unlink()
    run, kinds = check(output, runs[0].run_id)
    assert (run.state, kinds) == (State.FINISHED, ["missing", "missing"])
