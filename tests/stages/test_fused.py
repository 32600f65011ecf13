"""Extracting and predicting in one actor, as the plain class it is: the same outcomes as in two."""

from copy import copy
from pathlib import Path

import audio_samples
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.model.scores import Score
from genre_batch.pipeline import score_flow
from genre_batch.sink.schema import ScoredTrack
from genre_batch.stages.extract import ExtractFeatures
from genre_batch.stages.feature_block import FeatureBlock
from genre_batch.stages.fused import Fused, fuse, unfused
from genre_batch.stages.predict import PredictGenres
from genre_batch.stages.stage import Flow, PoolSize, Stage, StageReport, StepFailed
from genre_batch.storage.local import LocalStore

HERE = Cluster(2.0, 0.0, own=True)


def flow(placement: str, bundle: str = "cheap") -> Flow:
    overrides = [f"predict.placement={placement}", f"bundle={bundle}", "extract.max_size=3", "deadline_s=30.0"]
    return score_flow(load(ScoreConfig, None, overrides, {"source": "/in", "output": "/out"}), HERE)


@pytest.fixture
def batch(tmp_path: Path) -> list[Track]:
    for name, seconds in (("a", 4.0), ("c", 31.0), ("d", 12.0)):
        (tmp_path / name).write_bytes(audio_samples.encode(audio_samples.chirp(seconds), 44_100, "flac"))
    (tmp_path / "b").write_bytes(b"")
    return [Track(each.uri, each.uri, each.etag, each.size_bytes) for each in LocalStore().list(f"{tmp_path}/")]


@pytest.mark.parametrize("bundle", ["cheap", "default"])
def test_both_placements_give_each_track_the_same_outcome(batch: list[Track], bundle: str) -> None:
    extract, predict = (stage.worker(*stage.arguments) for stage in flow("separate", bundle).stages)
    (stage,) = flow("fused", bundle).stages
    fused = stage.worker(*stage.arguments)
    fused.ready()
    block, extracted = extract.run(batch)
    predicted = predict.run(block)
    report = fused.run(batch)
    for facts, score, outcome in zip(extracted.outcomes, predicted.outcomes, report.outcomes, strict=True):
        if isinstance(facts, Reject):
            assert outcome == facts
            assert outcome.stage is RejectStage.DECODE
            continue
        assert isinstance(score, Score)
        assert outcome[0] == facts
        assert outcome[1].genre == score.genre
        probabilities, expected = ([each[1] for each in found.top_k] for found in (outcome[1], score))
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert (report.reads, report.bytes_read) == (extracted.reads, extracted.bytes_read)
    canaries = zip(predict.run(extract.probe()[0]).outcomes, fused.probe().outcomes, strict=True)
    for apart, together in canaries:
        assert together.genre == apart.genre
        assert together.confidence == pytest.approx(apart.confidence, abs=1e-5)
    assert report.cpu_s > 0.0
    assert {pool["num_threads"] for pool in threadpool_info()} == {1}


class Found:
    """A first stage that finds out the id of each track, and rejects those that are named so."""

    def run(self, tracks: list[Track]) -> tuple[list[str], StageReport]:
        reject = Reject(RejectReason.SILENT, RejectStage.FEATURES, "no sound")
        ids = [track.track_id for track in tracks]
        if "unreadable" in ids:
            raise OSError("not here")
        return ids, StageReport(
            tuple(reject if id_ == "silent" else id_ for id_ in ids), 1.0, 10, 2, (("Get", "200", 2),)
        )


class Answers:
    """A last stage that has a score, a reject or nothing for each."""

    def run(self, ids: list[str]) -> StageReport:
        outcomes = {
            "wrong": Reject(RejectReason.NOT_FINITE, RejectStage.MODEL, "the answer is not a number"),
            "silent": None,
            "lost": None,
        }
        return StageReport(tuple(outcomes.get(id_, f"score of {id_}") for id_ in ids), 0.5)


def stub(name: str, worker: type, blames: RejectStage, **more: float) -> Stage:
    return Stage(name, worker, (), PoolSize(), blames, **more)  # type: ignore[arg-type]


STUBS = (stub("first", Found, RejectStage.DECODE), stub("last", Answers, RejectStage.MODEL))


def ran(*ids: str) -> StageReport:
    return Fused(*STUBS).run([Track(id_, id_, "etag", 1) for id_ in ids])


def test_a_reject_is_that_of_the_stage_that_gave_it() -> None:
    report = ran("song", "silent", "wrong", "lost")
    song, silent, wrong, lost = report.outcomes
    assert song == ("song", "score of song")
    assert isinstance(silent, Reject)
    assert isinstance(wrong, Reject)
    assert (silent.stage, wrong.stage) == (RejectStage.FEATURES, RejectStage.MODEL)
    assert lost is None
    assert (report.cpu_s, report.bytes_read, report.reads, report.requests) == (1.5, 10, 2, (("Get", "200", 2),))


def test_a_large_batch_goes_through_a_few_tracks_at_a_time() -> None:
    ids = [f"song {number}" for number in range(100)]
    report = ran(*ids[:40], "silent", *ids[40:])
    assert [outcome for outcome in report.outcomes if isinstance(outcome, tuple)] == [(i, f"score of {i}") for i in ids]
    assert isinstance(report.outcomes[40], Reject)
    assert (report.cpu_s, report.requests) == (4 * 1.5, (("Get", "200", 4 * 2),))
    assert report.spent_s > 0.0
    assert ran().outcomes == ()


def test_an_error_names_the_stage_that_raised_it() -> None:
    with pytest.raises(StepFailed, match="OSError: not here") as failed:
        ran("song", "unreadable")
    again = copy(failed.value)
    assert (again.blames, str(again)) == (RejectStage.DECODE, "OSError: not here")


def test_the_model_is_not_asked_if_all_tracks_are_rejected_before() -> None:
    assert ran("silent", "silent").cpu_s == 1.0


def test_the_one_stage_has_the_pool_of_the_first_and_the_time_of_both() -> None:
    separate, fused = flow("separate"), flow("fused")
    (stage,), (extract, predict) = fused.stages, separate.stages
    assert (stage.name, stage.size, stage.num_cpus, stage.num_gpus) == ("extract", extract.size, 1.0, 0.0)
    assert stage.blames is RejectStage.MODEL
    assert stage.deadline_s(32) == extract.deadline_s(32) + predict.deadline_s(32)
    assert unfused(separate.stages) == [extract, predict]
    assert [step.worker for step in unfused(fused.stages)] == [ExtractFeatures, PredictGenres]


def test_its_rows_are_those_of_the_separate_stages() -> None:
    track, facts = Track("a", "a", "etag", 1), TrackFacts(30.0, 15.0, "soundfile", 44_100, 2)
    score = Score("rock", 0.75, (("rock", 0.75),), False, 10)
    assert fuse(flow("separate")).row(track, (facts, score)) == ScoredTrack(track, facts, score)


def test_a_block_never_leaves_the_actor(batch: list[Track]) -> None:
    (stage,) = flow("fused").stages
    report = stage.worker(*stage.arguments).run(batch[:1])
    assert isinstance(report, StageReport)
    assert not any(isinstance(found, FeatureBlock) for found in report.outcomes)
