"""What `status` says about runs in each of their states."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from outputs import make_run, write_run

from genre_batch.errors import UsageError
from genre_batch.publish.publishing import PublishConfig, publish
from genre_batch.run import status as status_module
from genre_batch.run.possession import possession_of, this_driver
from genre_batch.run.progress import Progress
from genre_batch.run.status import RunStatus, StatusConfig, status
from genre_batch.sink.heartbeat import Heartbeat, read_heartbeat, swap_heartbeat
from genre_batch.sink.plan import RunPlan, write_plan
from genre_batch.sink.record import Counts
from genre_batch.sink.verdict import Verdict, write_verdict
from genre_batch.storage.local import LocalStore

STORE = LocalStore()


def newest(output: str) -> RunStatus:
    report = status(StatusConfig(output=output))
    assert report.summary()
    return report.runs[0]


def planned(output: str) -> RunPlan:
    plan = make_run(1, 100, shard_tracks=10, run_kind="backfill")
    write_plan(STORE, output, plan)
    return plan


def test_a_run_at_work_says_how_far_it_is_and_where(tmp_path: Path) -> None:
    output, plan = str(tmp_path), planned(str(tmp_path))
    with possession_of(STORE, output, plan) as mine:
        progress = Progress("working", 60, 0)
        mine.report(progress, 40)
        progress.add(30, 0)
        mine.beat()
        run = newest(output)
        assert (run.state, run.run_kind, run.committed, run.shards) == ("running", "backfill", 0, 10)
        assert (run.done, run.tracks, run.published) == (70, 100, False)
        assert run.tracks_per_s is not None
        assert run.eta_s == pytest.approx(30 / run.tracks_per_s)
        assert run.by == this_driver().name()
    with pytest.raises(UsageError), possession_of(STORE, output, plan):
        raise UsageError("the disk is full")
    run = newest(output)
    assert (run.state, run.error, run.eta_s) == ("stopped", "the disk is full", None)
    assert "  the disk is full" in status(StatusConfig(output=output)).summary()


@pytest.mark.parametrize(
    ("machine", "age", "state"),
    [("elsewhere", 5, "running"), ("elsewhere", 300, "silent"), (this_driver().machine, 5, "stopped")],
)
def test_a_driver_that_says_nothing(machine: str, age: int, state: str, tmp_path: Path) -> None:
    """One elsewhere may be cut off; one of this machine is known to have died, since its process began later."""
    output, plan = str(tmp_path), planned(str(tmp_path))
    by = this_driver().model_copy(update={"machine": machine, "pid_since_s": 0.0})
    at = datetime.now(UTC) - timedelta(seconds=age)
    heartbeat = Heartbeat(run_id=plan.run_id, state="working", by=by, beat=1, started_at=at, at=at)
    assert swap_heartbeat(STORE, output, heartbeat, None)
    run = newest(output)
    assert run.state == state
    assert ("nothing heard for 5.0 min" in status(StatusConfig(output=output)).summary()) == (state == "silent")
    assert read_heartbeat(STORE, output, plan.run_id)


def test_finished_failed_and_published_runs(tmp_path: Path) -> None:
    output = str(tmp_path)
    first = write_run(STORE, output, 0, {("a", "v1"): "rock"})
    assert status(StatusConfig(output=output)).serving == "nothing is published: readers get the latest model"
    publish(PublishConfig(output=output))
    failed = write_run(STORE, output, 1, {("b", "v1"): "rock"})
    verdict = Verdict(message="too few", hint="", max_reject_rate=0.0, listed=2, counts=Counts(), runs=(failed.run_id,))
    write_verdict(STORE, output, failed.run_id, verdict)
    report = status(StatusConfig(output=output))
    assert [(run.run_id, run.state, run.published, run.error) for run in report.runs] == [
        (failed.run_id, "failed", False, "too few"),
        (first.run_id, "finished", True, ""),
    ]
    assert "1 answer of 1 run (step 1)" in report.serving
    assert "and 1 older run" in status(StatusConfig(output=output, runs=1)).summary()


class _Noting(LocalStore):
    """Notes what is read."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def read(self, uri: str, *, etag: str | None = None, start: int = 0, length: int | None = None) -> bytes:
        self.seen.append(uri)
        return super().read(uri, etag=etag, start=start, length=length)


def test_only_the_runs_that_are_shown_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output, store = str(tmp_path), _Noting()
    runs = [write_run(STORE, output, day, {("a", f"v{day}"): "rock"}).run_id for day in range(6)]
    planning = tmp_path / "_runs" / make_run(6, 1).run_id  # the newest one has no plan yet
    (planning / "listing").mkdir(parents=True)
    monkeypatch.setattr(status_module, "open_store", lambda uri: store)
    report = status(StatusConfig(output=output, runs=2))
    assert ([run.run_id for run in report.runs], report.hidden) == (runs[:3:-1], 4)
    assert store.seen
    assert not [uri for uri in store.seen for run_id in runs[:4] if run_id in uri]


def test_an_output_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no run at"):
        status(StatusConfig(output=str(tmp_path)))
