"""Runs with the model in the extract actors or in its own: one table, whichever was first."""

import os
import sys
from pathlib import Path

import audio_samples
import pytest
import ray
from table_checks import check_run, comparable

from genre_batch.catalog.reject import RejectReason, RejectStage
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.catalog.work_units import Part, plan_parts
from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import current_cluster
from genre_batch.engine.run_loop import RunLoop
from genre_batch.engine.usage import Usage
from genre_batch.engine.workload import Workload
from genre_batch.model.scores import Score
from genre_batch.pipeline import plan, score
from genre_batch.sink.schema import AnsweredTrack, RejectedTrack, ScoredTrack
from genre_batch.stages.fused import fuse
from genre_batch.stages.stage import Flow, PoolSize, Stage, StageReport
from genre_batch.storage.local import LocalStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TRACKS = 12


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    for number in range(TRACKS - 1):
        sound = audio_samples.chirp(4, 44_100, seed=number)
        (folder / f"{number:03d}.wav").write_bytes(audio_samples.encode(sound, 44_100, "wav"))
    (folder / "broken.mp3").write_bytes(b"no audio")
    return folder


def settings(source: Path, output: Path, placement: str, *more: str) -> ScoreConfig:
    overrides = ["bundle=cheap", "shard_tracks=1", "extract.max_size=1", f"predict.placement={placement}", *more]
    return load(ScoreConfig, None, overrides, {"source": str(source), "output": str(output)})


@pytest.mark.parametrize("first", ["fused", "separate"])
def test_a_run_that_goes_on_in_the_other_placement_gives_the_same_table(
    first: str, local_ray: None, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = {"fused": "separate", "separate": "fused"}[first]
    score(settings(music, tmp_path / "whole", first))
    paused = score(settings(music, tmp_path / "mixed", first, "max_core_hours=1e-9"))
    assert 0 < paused.left < TRACKS
    capsys.readouterr()
    report = score(settings(music, tmp_path / "mixed", second))
    assert f"predict.placement is {second}" in capsys.readouterr().err
    assert (report.run_id, report.resumed, report.scored, report.rejected) == (paused.run_id, True, TRACKS - 1, 1)
    assert report.run_id is not None
    check_run(tmp_path / "mixed", report.run_id, {each.uri: each.etag for each in LocalStore().list(f"{music}/")})
    for table in ("scores", "rejects"):
        assert comparable(tmp_path / "mixed", table) == comparable(tmp_path / "whole", table)


def test_the_plan_says_where_the_model_would_run(local_ray: None, music: Path, tmp_path: Path) -> None:
    found = plan(settings(music, tmp_path / "out", "auto", "forecast.tracks=0"))
    assert "the model runs in actors of its own: all actors are on this machine" in found.summary().splitlines()


class Facts:
    """A first stage that knows all tracks but one, at which it raises."""

    def ready(self) -> None:
        pass

    def run(self, tracks: list[Track]) -> tuple[list[str], StageReport]:
        if any(track.track_id == "unreadable" for track in tracks):
            raise RuntimeError("not here")
        facts = TrackFacts(30.0, 15.0, "soundfile", 44_100, 2)
        return [track.track_id for track in tracks], StageReport((facts,) * len(tracks), 0.0)


class Breaks(Facts):
    """A last stage that one track kills and another one makes raise."""

    def run(self, ids: list[str]) -> StageReport:  # type: ignore[override]
        if "kills" in ids:
            os._exit(1)
        if "raises" in ids:
            raise ValueError("not today")
        return StageReport((Score("rock", 0.75, (("rock", 0.75),), False, 10),) * len(ids), 0.0)


def test_a_track_that_breaks_a_step_is_rejected_alone_and_the_step_is_blamed(local_ray: None) -> None:
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the workers cannot import it
    # the first, so that no answer is still on its way when the actor dies
    ids = ["kills", "a", "b", "c", "raises", "unreadable", "d"]
    rows: list[tuple[list[AnsweredTrack], list[RejectedTrack]]] = []

    def commit(part: Part, answered: list[AnsweredTrack], rejected: list[RejectedTrack]) -> None:
        rows.append((answered, rejected))

    def read(start: int, stop: int) -> list[Track]:
        return [Track(each, each, "etag", 1) for each in ids[start:stop]]

    facts = Stage("extract", Facts, (), PoolSize(max_size=1), RejectStage.DECODE, num_cpus=1.0)
    breaks = Stage("predict", Breaks, (), PoolSize(), RejectStage.MODEL)
    work = Workload(plan_parts(len(ids), len(ids)), len(ids), 4, read, commit, lambda *_: None)
    RunLoop(fuse(Flow([facts, breaks], row=ScoredTrack)), current_cluster(own=True), work, Usage()).run()
    ((answered, rejected),) = rows
    assert [row.track.track_id for row in answered] == ["a", "b", "c", "d"]
    assert [row.track.track_id for row in rejected] == ["kills", "raises", "unreadable"]
    assert {row.reject.reason for row in rejected} == {RejectReason.INTERNAL}
    assert [row.reject.stage for row in rejected] == [RejectStage.MODEL, RejectStage.MODEL, RejectStage.DECODE]
    assert [row.attempts for row in rejected] == [2, 2, 2]
    assert [row.reject.message for row in rejected[1:]] == ["ValueError: not today", "RuntimeError: not here"]
