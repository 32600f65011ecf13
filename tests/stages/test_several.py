"""Several models in one pass, as the plain classes they are: the outcomes of each model alone."""

import pickle
from pathlib import Path

import audio_samples
import numpy as np
import pytest
from small_bundle import with_another_head

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.config import ScoreConfig
from genre_batch.engine.cluster import Cluster
from genre_batch.model.predictor import Predictor
from genre_batch.model.scores import Score
from genre_batch.pipeline import score_flow
from genre_batch.sink.schema import RejectedTrack, ScoredTrack
from genre_batch.stages.extract_several import ExtractForSeveral
from genre_batch.stages.fused import Fused
from genre_batch.stages.several import PredictForSeveral, SeveralAnswers, together
from genre_batch.stages.stage import Flow, StageReport
from genre_batch.storage.local import LocalStore

HERE = Cluster(2.0, 0.0, own=True)
TRACK = Track("a", "/a", "etag", 1)
FACTS = TrackFacts(31.0, 15.0, "soundfile", 44_100, 2)
SCORE = Score("jazz", 0.75, (("jazz", 0.75), ("rock", 0.25)), False, 1)
SILENT = Reject(RejectReason.SILENT, RejectStage.FEATURES, "no sound")


def flow_of(bundle: str, placement: str = "separate") -> Flow:
    settings = {"source": "/in", "output": "/out", "bundle": bundle, "predict": {"placement": placement}}
    return score_flow(ScoreConfig.model_validate(settings), HERE)


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> list[Track]:
    """A track that is heard whole, a long one with a window, one without sound in the window, and an empty file."""
    folder = tmp_path_factory.mktemp("music")
    for name, seconds in (("a", 4.0), ("c", 100.0)):
        (folder / name).write_bytes(audio_samples.encode(audio_samples.chirp(seconds, 22_050), 22_050, "flac"))
    (folder / "b").write_bytes(b"")
    return [Track(each.uri, each.uri, each.etag, each.size_bytes) for each in LocalStore().list(f"{folder}/")]


def outcomes_alone(bundle: str, batch: list[Track]) -> list[tuple[object, object]]:
    extract, predict = (stage.worker(*stage.arguments) for stage in flow_of(bundle).stages)
    block, extracted = extract.run(batch)
    return list(zip(extracted.outcomes, predict.run(block).outcomes, strict=True))


def rows_together(flow: Flow, batch: list[Track]) -> list[object]:
    """The row or the Reject of each track."""
    (extract, predict) = (stage.worker(*stage.arguments) for stage in flow.stages)
    extract.ready()
    predict.ready()
    blocks, extracted = extract.run(batch)
    predicted: StageReport = predict.run(blocks)
    return [
        found if isinstance(found, Reject) else flow.row(track, found, answers)
        for track, found, answers in zip(batch, extracted.outcomes, predicted.outcomes, strict=True)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("bundles", [("cheap", "cheap"), ("default", "cheap"), ("cheap", "one-window", "default")])
def test_each_model_has_the_outcomes_that_it_has_alone(batch: list[Track], bundles: tuple[str, ...]) -> None:
    found = rows_together(together([flow_of(bundle) for bundle in bundles]), batch)
    for model, bundle in enumerate(bundles):
        for row, (facts, score) in zip(found, outcomes_alone(bundle, batch), strict=True):
            if isinstance(facts, Reject):
                assert row == facts
                continue
            assert isinstance(row, SeveralAnswers)
            mine = row.of(model)
            assert isinstance(mine, ScoredTrack)
            assert isinstance(score, Score)
            assert (mine.facts, mine.score.genre, mine.score.segments) == (facts, score.genre, score.segments)
            np.testing.assert_allclose(*([pair[1] for pair in each.top_k] for each in (mine.score, score)), atol=1e-6)


@pytest.mark.slow
def test_a_trunk_that_two_models_have_runs_once_and_both_answer_as_alone(
    batch: list[Track], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles = ["default", "default-embedding", with_another_head("default", tmp_path)]
    alone = [outcomes_alone(bundle, batch) for bundle in bundles]
    extract, predict = (stage.worker(*stage.arguments) for stage in together([*map(flow_of, bundles)]).stages)
    blocks, _ = extract.run(batch)
    blocks = pickle.loads(pickle.dumps(blocks, protocol=5))  # noqa: S301  # as they travel to an actor
    seen = list[int]()
    trunk_values = Predictor.trunk_values
    monkeypatch.setattr(
        Predictor, "trunk_values", lambda self, found: seen.append(len(found)) or trunk_values(self, found)
    )
    found = predict.run(blocks).outcomes
    assert seen == [len(blocks[0].segments)]
    scores = [[outcome[1] for outcome in outcomes] for outcomes in alone]
    assert [*zip(*scores, strict=True)] == [each if isinstance(each, tuple) else (each,) * 3 for each in found]
    first, embedded, other = found[0]
    assert first.top_k == embedded.top_k != other.top_k
    assert first.embedding is None
    assert embedded.embedding


@pytest.mark.slow
def test_each_model_answers_its_own_canaries(batch: list[Track]) -> None:
    alone = [Fused(*flow_of(bundle).stages).probe().outcomes for bundle in ("cheap", "default")]
    fused = together([flow_of(bundle, "fused") for bundle in ("cheap", "default")])
    (stage,) = fused.stages
    found = stage.worker(*stage.arguments).probe().outcomes
    assert len(found) == sum(map(len, alone))
    own = [found[: len(alone[0])], found[len(alone[0]) :]]
    for model, (mine, expected) in enumerate(zip(own, alone, strict=True)):
        for outcome, other in zip(mine, expected, strict=True):
            assert outcome[model].genre == other.genre
            assert outcome[model].confidence == pytest.approx(other.confidence, abs=1e-5)


def test_one_flow_is_left_as_it_is_and_several_run_fused_if_all_do() -> None:
    one, fused = flow_of("cheap"), flow_of("cheap", "fused")
    assert together([one]) is one
    assert [stage.worker for stage in together([one, flow_of("default")]).stages] == [
        ExtractForSeveral,
        PredictForSeveral,
    ]
    assert len(together([fused, fused]).stages) == 1
    mixed = together([one, fused])
    assert len(mixed.stages) == 2
    assert mixed.placement == f"{one.placement}; {fused.placement}"


def test_a_models_own_reject_is_in_its_row_alone() -> None:
    not_finite = Reject(RejectReason.NOT_FINITE, RejectStage.MODEL, "not a number")
    found = SeveralAnswers(TRACK, (FACTS, FACTS, SILENT, FACTS), (SCORE, not_finite, None, None))
    assert found.of(0) == ScoredTrack(TRACK, FACTS, SCORE)
    assert found.of(1) == RejectedTrack(TRACK, not_finite, 1)
    assert found.of(2) == RejectedTrack(TRACK, SILENT, 1)
    with pytest.raises(ValueError, match="no outcome for 'a'"):
        found.of(3)
