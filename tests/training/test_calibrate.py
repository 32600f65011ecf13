"""The temperature is found, and thresholds keep the promise they are named after."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genre_batch.evaluation.metrics import log_loss
from genre_batch.training.answers import Answers
from genre_batch.training.calibrate import NEVER, fit_temperature, fit_thresholds, pooled


def overconfident(seed: int, n: int = 400) -> tuple[Answers, np.ndarray]:
    """Answers to `n` tracks, right about as often as a temperature of 3 says."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 4)).astype(np.float32)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(4, p=row) for row in chances])
    return Answers(logits * 3, np.arange(n)), labels


def test_the_temperature_that_was_hidden_is_found() -> None:
    answers, labels = overconfident(0)
    half = [Answers(answers.logits[part], answers.track_rows[part]) for part in (slice(0, 200), slice(200, 400))]
    temperature = fit_temperature(half, labels)
    assert temperature == pytest.approx(3.0, rel=0.25)
    losses = [log_loss(pooled(half, t), labels) for t in (temperature * 0.9, temperature, temperature * 1.1)]
    assert losses[1] == min(losses)


@settings(max_examples=100)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 120), target=st.floats(0.05, 0.95), coarse=st.booleans())
def test_of_the_answers_that_a_genre_still_gives_the_target_is_right(
    seed: int, n: int, target: float, coarse: bool
) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(3), n).astype(np.float32)
    if coarse:
        probabilities = np.maximum(np.round(probabilities, 1), np.float32(0.01))
    labels = np.where(rng.random(n) < 0.5, probabilities.argmax(axis=1), rng.integers(0, 3, n))
    thresholds = fit_thresholds(probabilities, labels, target)
    confidence, answers = probabilities.max(axis=1), probabilities.argmax(axis=1)
    for genre, threshold in enumerate(thresholds):
        given_answers = (answers == genre) & (confidence >= threshold)
        if threshold != NEVER:
            assert (labels[given_answers] == genre).mean() >= target
            assert given_answers.sum() >= target / (1 - target) - 1e-9


def test_thresholds_are_as_low_as_they_may_be_and_each_genre_has_its_own() -> None:
    confidence = np.linspace(0.95, 0.55, 20, dtype=np.float32)
    probabilities = np.concatenate([np.stack([confidence, 1 - confidence], axis=1)] * 2)
    probabilities[20:] = probabilities[20:, ::-1]
    labels = np.array([0] * 12 + [1] * 8 + [0] * 20)
    always, never = fit_thresholds(probabilities, labels, 0.6)
    assert never == NEVER
    # 12 right of 19 are 0.632; with one wrong one more they are 12 of 20
    assert always == pytest.approx(float(confidence[18]))
    assert fit_thresholds(probabilities[:12], labels[:12], 0.9)[0] == pytest.approx(float(confidence[11]))


def test_few_examples_prove_nothing() -> None:
    probabilities = np.array([[0.9, 0.1]] * 8, np.float32)
    labels = np.zeros(8, np.int64)
    assert fit_thresholds(probabilities, labels, 0.9) == [NEVER, NEVER]
    assert fit_thresholds(probabilities, labels, 0.8) == [pytest.approx(0.9), NEVER]


def test_the_same_tracks_again_prove_no_more() -> None:
    probabilities, labels = np.array([[0.9, 0.1]] * 5, np.float32), np.zeros(5, np.int64)
    assert fit_thresholds(probabilities, labels, 0.85)[0] == NEVER
    again = np.concatenate([probabilities] * 4), np.concatenate([labels] * 4)
    assert fit_thresholds(*again, 0.85, repeats=4)[0] == NEVER
    assert fit_thresholds(*again, 0.85)[0] != NEVER
