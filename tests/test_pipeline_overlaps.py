"""Runs that share tracks in one output: backfill beside nightly, overlapping sources, bytes that change back."""

import os
import shutil
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import audio_samples
import pytest
from ray_workers import full_cluster
from table_checks import rows

from genre_batch import pipeline, table
from genre_batch.catalog.reject import Reject
from genre_batch.catalog.track import Track
from genre_batch.config import ScoreConfig, load
from genre_batch.engine import first_actors
from genre_batch.engine.ray_actors import RayActors
from genre_batch.errors import UsageError
from genre_batch.pipeline import score
from genre_batch.run.jobs import scoring_job
from genre_batch.run.planning import resume_or_plan
from genre_batch.run.run_report import RunReport
from genre_batch.run.status import StatusConfig, status
from genre_batch.schedule.finish_time import FinishTime
from genre_batch.sink.finish import read_manifest
from genre_batch.sink.plan import RunPlan, read_plan
from genre_batch.sink.record import CommitRecord
from genre_batch.sink.sink import open_sink
from genre_batch.storage.local import LocalStore
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import VerifyConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("local_ray"), pytest.mark.timeout(300)]


def write(music: Path, name: str, seed: int) -> None:
    sound = audio_samples.chirp(2, 8_000, seed=seed)  # small enough for an etag that is a hash of the bytes
    (music / name).parent.mkdir(parents=True, exist_ok=True)
    (music / name).write_bytes(audio_samples.encode(sound, 8_000, "flac"))


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Six tracks, three of them in a folder of their own."""
    for number in range(6):
        write(tmp_path / "music", f"{'shelf' if number % 2 else 'top'}/{number}.flac", number)
    return tmp_path / "music"


def settings(source: Path, output: Path, *overrides: str) -> ScoreConfig:
    overrides = ("bundle=cheap", "predict.placement=fused", "extract.max_size=1", "shard_tracks=2", *overrides)
    return load(ScoreConfig, None, overrides, {"source": str(source), "output": str(output)})


def planned(config: ScoreConfig) -> RunPlan:
    """A run that was planned, and stopped before it did anything."""
    plan, resumed = resume_or_plan(config, scoring_job(config), LocalStore())
    assert not resumed
    return plan


def labelled(report: RunReport) -> tuple[int, int, int]:
    """Tracks that were scored in all, were done by another run, and are this process's work."""
    return report.scored, report.rejects_by_reason.get("done_elsewhere", 0), report.done


def check_table(output: Path, music: Path) -> None:
    """Every track has one answer in the table, that of its present bytes, and the output is sound."""
    answers = table.latest(str(output), columns=["uri", "etag"])
    assert dict(zip(answers["uri"], answers["etag"], strict=True)) == {
        stored.uri: stored.etag for stored in LocalStore().list(f"{music}/")
    }
    assert len(answers) == answers["uri"].nunique()
    assert verify(VerifyConfig(output=str(output))).damage == 0


def test_a_nightly_run_does_only_what_an_unfinished_backfill_has_not_listed(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    backfill = planned(settings(music, output, "run_kind=backfill"))
    write(music, "top/new.flac", 7)
    assert labelled(score(settings(music, output, "run_kind=nightly"))) == (1, 0, 1)
    assert f"unfinished backfill run {backfill.run_id} keeps the 6 tracks" in capsys.readouterr().err
    assert labelled(score(settings(music, output, "run_kind=backfill"))) == (6, 0, 6)
    assert len(rows(output, "scores")) == 7
    check_table(output, music)


def test_a_run_skips_what_another_one_did_while_it_was_stopped(music: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    planned(settings(music / "shelf", output))
    assert labelled(score(settings(music, output))) == (6, 0, 6)
    report = score(settings(music / "shelf", output))
    assert (report.resumed, report.failure, labelled(report)) == (True, None, (0, 3, 0))
    assert len(rows(output, "scores")) == 6
    check_table(output, music)


def test_bytes_that_change_back_get_their_answer_back(music: Path, tmp_path: Path) -> None:
    output, track = tmp_path / "out", music / "top" / "0.flac"
    shutil.copy(track, tmp_path / "v1")
    assert score(settings(music, output)).scored == 6
    write(music, "top/0.flac", 9)
    assert score(settings(music, output)).scored == 1
    shutil.copy(tmp_path / "v1", track)
    assert score(settings(music, output)).scored == 1
    check_table(output, music)
    assert score(settings(music, output)).scored == 0
    assert verify(VerifyConfig(output=str(output))).counts == {"scored_twice": 1}


def test_after_finish_by_nothing_is_begun_and_the_next_run_does_the_rest(music: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    report = score(settings(music, output, "finish_by=0s", "run_kind=nightly"))
    assert (report.failure, report.rejects_by_reason, report.reject_rate) == (None, {"deferred": 6}, 0.0)
    assert "6 tracks left for the next run, 0 tracks done elsewhere" in report.summary()
    assert verify(VerifyConfig(output=str(output))).damage == 0
    assert labelled(score(settings(music, output, "finish_by=9h", "run_kind=nightly"))) == (6, 0, 6)
    check_table(output, music)


@pytest.mark.parametrize("planned_before", [False, True])
def test_finish_by_ends_a_night_that_the_cluster_never_had_room_for(
    planned_before: bool, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, night_settings = tmp_path / "out", ("run_kind=nightly", "finish_by=3s")
    if planned_before:
        planned(settings(music, output, *night_settings))
    with full_cluster():
        report = score(settings(music, output, *night_settings))
    assert (report.resumed, report.failure, report.rejects_by_reason) == (planned_before, None, {"deferred": 6})
    assert {row["message"] for row in rows(output, "rejects")} == {
        "not tried before finish_by=3s; the next run tries it"
    }
    assert "the time is up: what is in hand is finished, the rest is not tried" in capsys.readouterr().err
    assert verify(VerifyConfig(output=str(output))).damage == 0
    assert labelled(score(settings(music, output, "run_kind=nightly"))) == (6, 0, 6)
    check_table(output, music)


class Tomorrow(datetime):
    """A clock that is a day ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + timedelta(days=1)


@pytest.mark.parametrize(("finish_by", "labelled_later"), [("9h", False), ("8h", True)])
def test_a_night_that_is_continued_ends_when_it_was_planned_to(
    finish_by: str, labelled_later: bool, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget stops it in the middle, and its next start comes after its end; another setting counts anew."""
    output, one_by_one = tmp_path / "out", ("run_kind=nightly", "shard_tracks=1")
    first = score(settings(music, output, *one_by_one, "finish_by=9h", "max_core_hours=1e-9"))
    assert 0 < first.scored < 6
    monkeypatch.setattr(pipeline, "datetime", Tomorrow)
    report = score(settings(music, output, *one_by_one, f"finish_by={finish_by}"))
    assert (report.run_id, report.resumed, report.failure) == (first.run_id, True, None)
    left = {} if labelled_later else {"deferred": 6 - first.scored}
    assert (report.rejects_by_reason, report.scored + report.rejected) == (left, 6)
    assert verify(VerifyConfig(output=str(output))).damage == 0


class FewBatches(FinishTime):
    """A morning that comes once this many batches have been begun."""

    batches = 0

    def put_off(self) -> Reject | None:
        return None if FewBatches.batches else self._deferred


class CountedActors(RayActors):
    """Notes each batch that is begun."""

    def send(self, actor: int, call: int, tracks: list[Track], block: int | None) -> None:
        FewBatches.batches -= 1
        super().send(actor, call, tracks, block)


def night(music: Path, output: Path, batches: int) -> tuple[set[str], set[str], RunReport]:
    """One night that begins this many batches of one track: what it labelled, and what it left for later."""
    FewBatches.batches = batches
    report = score(settings(music, output, "run_kind=nightly", "shard_tracks=4", "batch_tracks=1"))

    def names(kind: str) -> set[str]:
        return {Path(row["uri"]).name for row in rows(output, kind) if row["run_id"] == report.run_id}

    assert {row["reason"] for row in rows(output, "rejects")} <= {"deferred"}
    return names("scores"), names("rejects"), report


def test_a_night_does_first_what_the_last_one_left_then_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    music, output = tmp_path / "music", tmp_path / "out"

    def add(name: str, age: int) -> None:
        write(music, name, ord(name[0]))
        os.utime(music / name, (1_000_000_000 - age, 1_000_000_000 - age))

    for age, name in enumerate("khbjcliadgef"):  # newest first
        add(name, age)
    monkeypatch.setattr(pipeline, "FinishTime", FewBatches)
    monkeypatch.setattr(first_actors, "RayActors", CountedActors)
    labelled_names, left, report = night(music, output, 6)
    assert (labelled_names, left) == (set("khbjcl"), set("iadgef"))
    # a whole shard, a short one, and one without any answer
    counts = [record.counts.scored for record in shards_of(output, report)]
    assert (counts, report.failure, report.reject_rate) == ([4, 2, 0], None, 0.0)
    assert "6 tracks left for the next run" in report.summary()
    status_of = {run.run_id: run for run in status(StatusConfig(output=str(output))).runs}[report.run_id or ""]
    assert (status_of.state, status_of.committed, status_of.done) == ("finished", 3, 12)
    add("y", -10)
    add("x", -5)
    assert night(music, output, 7)[:2] == (set("iadgefy"), {"x"})
    assert night(music, output, 100)[:2] == ({"x"}, set())
    check_table(output, music)


def shards_of(output: Path, report: RunReport) -> list[CommitRecord]:
    plan = read_plan(LocalStore(), str(output), report.run_id or "")
    return list(open_sink(LocalStore(), str(output), plan).records())


def test_a_paused_run_and_its_status_agree_on_what_is_left(music: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    small = ("run_kind=backfill", "shard_tracks=6", "part_tracks=1", "max_core_hours=1e-9")
    report = score(settings(music, output, *small))
    assert report.left > 0
    assert report.staged > 0
    assert report.listed == report.skipped + report.scored + report.rejected + report.left + report.staged
    (run,) = status(StatusConfig(output=str(output))).runs
    assert (run.state, run.tracks - run.done, run.committed) == ("stopped", report.left, 0)
    assert "max_core_hours=1e-09 is used" in run.error


def test_a_run_whose_budget_is_used_ends_well_and_its_next_starts_do_the_rest(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, reports = tmp_path / "out", list[RunReport]()
    small = settings(music, output, "run_kind=backfill", "shard_tracks=1", "max_core_hours=1e-9")
    while not reports or reports[-1].left:
        reports.append(score(small))
        assert reports[-1].done > 0
        if reports[-1].left:
            assert read_manifest(LocalStore(), str(output), reports[-1].run_id or "") is None
    first, *_, last = reports
    assert (first.failure, first.rejected) == (None, 0)
    assert first.scored + first.left == 6
    assert 0 < first.scored < 6
    assert f"max_core_hours=1e-09 is used, {first.left} tracks left; start again to continue" in capsys.readouterr().err
    assert f"the budget is used: {first.left} tracks left" in first.summary()
    assert {report.run_id for report in reports} == {first.run_id}
    assert (last.scored, last.rejected, sum(report.done for report in reports)) == (6, 0, 6)
    assert verify(VerifyConfig(output=str(output))).damage == 0
    check_table(output, music)


def test_a_cost_needs_prices(music: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="max_cost needs a price list"):
        settings(music, tmp_path / "out", "max_cost=5")
