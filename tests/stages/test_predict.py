"""The predict actor as the plain class it is: one pooled answer a track."""

import io
from collections.abc import Callable

import audio_samples
import numpy as np
import pytest
from small_bundle import MANIFEST, weights_of

from genre_batch.catalog.reject import Reject, RejectReason
from genre_batch.errors import UsageError
from genre_batch.features.track_segments import extract_segments
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle, load_bundle
from genre_batch.model.devices import Runtime
from genre_batch.model.golden import read_golden
from genre_batch.model.predictor import Predictor
from genre_batch.model.scores import Score
from genre_batch.stages.feature_block import FeatureBlock
from genre_batch.stages.predict import CollectFeatures, PredictGenres, PredictPool
from genre_batch.training.package import write_trained_bundle


@pytest.fixture(scope="module")
def actor() -> PredictGenres:
    return PredictGenres("default", "cpu", "fp32")


def block(rows: list[int], tracks: int) -> FeatureBlock:
    segments = read_golden(load_bundle("default")).segments
    picked = [segments[number % len(segments)] for number in range(len(rows))]
    return FeatureBlock(np.stack(picked), np.asarray(rows, np.int32), tracks)


def test_every_track_with_segments_has_a_score_and_the_others_none(actor: PredictGenres) -> None:
    outcomes = actor.run(block([0, 2, 2], 4)).outcomes
    assert [type(outcome) for outcome in outcomes] == [Score, type(None), Score, type(None)]
    first, _, third, _ = outcomes
    assert isinstance(first, Score)
    assert isinstance(third, Score)
    assert (first.segments, third.segments) == (1, 2)
    assert sum(probability for _, probability in first.top_k) == pytest.approx(1.0, abs=1e-4)


def test_a_track_is_answered_alike_in_any_company(actor: PredictGenres) -> None:
    alone = actor.run(block([0], 1)).outcomes[0]
    together = actor.run(block([0, *[1] * 70], 2)).outcomes[0]
    assert alone == together


def test_the_default_says_whether_a_track_is_in_scope_and_its_tags_if_asked(actor: PredictGenres) -> None:
    plain = actor.run(block([0, 2], 3)).outcomes
    assert isinstance(plain[0], Score)
    assert plain[0].in_scope is not None
    assert 0.0 <= plain[0].in_scope <= 1.0
    assert plain[0].tags is None
    first, none, _ = PredictGenres("default", "cpu", "fp32", tags_above=0.01).run(block([0, 2], 3)).outcomes
    assert isinstance(first, Score)
    assert none is None
    assert first.in_scope == plain[0].in_scope
    assert first.tags
    probabilities = [probability for _, probability in first.tags]
    assert probabilities == sorted(probabilities, reverse=True)
    assert probabilities[-1] > 0.01


RATE = 22_050
TIMES_S = np.arange(8 * RATE) / RATE


def _noise() -> audio_samples.Sound:
    return np.random.default_rng(0).normal(0.0, 0.1, len(TIMES_S)).astype(np.float32)


def _brown_noise() -> audio_samples.Sound:
    noise = np.cumsum(_noise()) - np.convolve(np.cumsum(_noise()), np.ones(400) / 400, "same")
    return (0.3 * noise / np.abs(noise).max()).astype(np.float32)


def _tone() -> audio_samples.Sound:
    return (0.3 * np.sin(2 * np.pi * 440 * TIMES_S)).astype(np.float32)


def _beeps() -> audio_samples.Sound:
    return (0.3 * np.sin(2 * np.pi * 1000 * TIMES_S) * (2 * TIMES_S % 1 < 0.4)).astype(np.float32)


def _metronome() -> audio_samples.Sound:
    phase_s = TIMES_S % 0.5
    return (0.5 * np.exp(-phase_s * 300) * np.sin(2 * np.pi * 1500 * phase_s)).astype(np.float32)


@pytest.mark.parametrize("sound", [_noise, _brown_noise, _tone, _beeps, _metronome])
def test_noise_and_tones_have_a_low_in_scope_and_may_be_left_unanswered(
    sound: Callable[[], audio_samples.Sound], actor: PredictGenres
) -> None:
    data = audio_samples.encode(sound().reshape(-1, 1), RATE, "flac")
    front_end = load_bundle("default").manifest.front_end
    segments = extract_segments(io.BytesIO(data), len(data), "sound", front_end).segments
    heard = FeatureBlock(segments, np.zeros(len(segments), np.int32), 1)
    (plain,) = actor.run(heard).outcomes
    (strict,) = PredictGenres("default", "cpu", "fp32", min_in_scope=0.05).run(heard).outcomes
    assert isinstance(plain, Score)
    assert isinstance(strict, Score)
    assert plain.in_scope is not None
    assert plain.in_scope < 0.05
    assert (plain.abstained, strict.abstained, strict.genre) == (False, True, None)
    assert (strict.top_k, strict.in_scope) == (plain.top_k, plain.in_scope)


def test_a_model_without_a_trunk_leaves_both_open() -> None:
    segments = read_golden(load_bundle("cheap")).segments[:1]
    rows = np.zeros(1, np.int32)
    (score,) = PredictGenres("cheap", "cpu", "fp32").run(FeatureBlock(segments, rows, 1)).outcomes
    assert isinstance(score, Score)
    assert (score.in_scope, score.tags) == (None, None)


def test_segments_that_are_not_numbers_reject_their_track_alone(actor: PredictGenres) -> None:
    broken = block([0, 1], 2)
    broken.segments[0] = np.nan
    rejected, scored = actor.run(broken).outcomes
    assert isinstance(rejected, Reject)
    assert rejected.reason is RejectReason.NOT_FINITE
    assert isinstance(scored, Score)


@pytest.fixture(scope="module")
def embedding_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    shape = MANIFEST.front_end.segment_shape
    segments = np.random.default_rng(0).standard_normal((30, *shape)).astype(np.float16)
    folder = tmp_path_factory.mktemp("bundles") / "embeds"
    return write_trained_bundle(folder, MANIFEST, {WEIGHTS_FILE: weights_of(MANIFEST)}, segments)


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_a_bundle_with_a_projection_gives_each_track_its_embedding(embedding_bundle: Bundle, runtime: Runtime) -> None:
    actor = PredictGenres(embedding_bundle.uri, "cpu", "fp32", runtime)
    segments = read_golden(embedding_bundle).segments
    rows = np.array([0] * 3 + [2] * (len(segments) - 3), np.int32)
    outcomes = actor.run(FeatureBlock(segments, rows, 3)).outcomes
    alone = actor.run(FeatureBlock(segments[:3], rows[:3], 1)).outcomes[0]
    assert outcomes[0] == alone
    assert outcomes[1] is None
    projection = embedding_bundle.projection
    assert projection is not None
    layer = Predictor(embedding_bundle, device="cpu").logits_and_layer(segments)[1]
    expected = projection.embeddings(layer, rows, 3)
    for track in (0, 2):
        outcome = outcomes[track]
        assert isinstance(outcome, Score)
        assert outcome.embedding is not None
        np.testing.assert_allclose(np.frombuffer(outcome.embedding, "<f2"), expected[track], atol=2e-3)
    assert actor.run(FeatureBlock(segments[:0], rows[:0], 2)).outcomes == (None, None)


@pytest.mark.parametrize("rows", [[], [0], [3], [0, 0, 2], [1, 1, 1, 2, 3, 3]])
def test_each_track_gets_its_own_segments_in_order(rows: list[int]) -> None:
    segments = np.arange(len(rows) * 6, dtype=np.float32).reshape(len(rows), 3, 2)
    outcomes = CollectFeatures().run(FeatureBlock(segments, np.asarray(rows, np.int32), 4)).outcomes
    assert len(outcomes) == 4
    for track, outcome in enumerate(outcomes):
        own = segments[[place for place, row in enumerate(rows) if row == track]]
        if len(own):
            np.testing.assert_array_equal(outcome, own)
        else:
            assert outcome is None


def test_an_actor_reserves_a_gpu_only_if_it_may_use_one() -> None:
    assert PredictPool(device="cpu").gpus_each(4.0) == 0.0
    assert PredictPool(num_gpus=0.25).gpus_each(4.0) == 0.25
    with pytest.raises(UsageError, match="no GPU is given"):
        PredictPool(device="cuda").gpus_each(0.0)
