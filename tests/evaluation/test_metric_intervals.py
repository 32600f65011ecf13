"""Every metric has an interval, and those that are computed anew for speed equal the metrics themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.evaluation.metric_intervals import (
    area_by_rows,
    calibration_interval,
    loss_interval,
    metric_intervals,
)
from genre_batch.evaluation.metrics import METRICS, expected_calibration_error, log_loss, measure, roc_auc

GENRES = ["rock", "blues", "jazz", "disco"]


def tracks(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Probabilities, labels that follow them, and two tracks an artist."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(4), n)
    labels = np.array([rng.choice(4, p=row) for row in probabilities])
    return probabilities, labels, [str(number // 2) for number in range(n)]


def test_every_metric_has_an_interval_around_it() -> None:
    probabilities, labels, groups = tracks(200)
    found, metrics = metric_intervals(probabilities, labels, GENRES, groups), measure(probabilities, labels, GENRES)
    assert set(found) == {metric.name for metric in METRICS}
    for name, interval in found.items():
        value = getattr(metrics, name)
        assert interval.mean == pytest.approx(value, abs=1e-9), name
        assert interval.low is not None
        assert interval.low <= interval.mean <= interval.high, name  # type: ignore[operator]
        assert interval.low < interval.high, name  # type: ignore[operator]


def test_few_artists_are_too_few_for_any_metric() -> None:
    probabilities, labels, _ = tracks(40)
    found = metric_intervals(probabilities, labels, GENRES, [str(number % 4) for number in range(40)])
    assert {interval.text(str) for interval in found.values()} == {"too few artists to tell"}


def test_tracks_of_one_genre_have_no_area() -> None:
    probabilities, _, groups = tracks(40)
    assert "roc_auc" not in metric_intervals(probabilities, np.zeros(40, np.int64), GENRES, groups)
    assert np.isnan(area_by_rows(probabilities, np.arange(40) % 3)(np.array([0, 3, 6])))


@given(st.integers(0, 10**6), st.integers(1, 4))
def test_the_area_equals_that_of_scikit_learn_with_equal_scores_too(seed: int, digits: int) -> None:
    probabilities, labels, _ = tracks(60, seed)
    coarse = np.round(probabilities, digits)
    rows = np.random.default_rng(seed).integers(0, 60, 60)
    expected = roc_auc(coarse[rows], labels[rows])
    if expected is not None:
        assert area_by_rows(coarse, labels)(rows) == pytest.approx(expected, abs=1e-12)


def test_the_losses_are_those_of_the_metrics() -> None:
    probabilities, labels, groups = tracks(50)
    error = calibration_interval(probabilities, labels, groups)
    assert error.mean == pytest.approx(expected_calibration_error(probabilities, labels))
    assert loss_interval(probabilities, labels, groups).mean == pytest.approx(log_loss(probabilities, labels))


def test_a_calibrated_model_may_have_no_calibration_error_at_all() -> None:
    """Without the reflection, the interval begins above the error that 300 tracks show by chance."""
    lows = []
    for seed in range(5):
        interval = calibration_interval(*tracks(300, seed))
        assert interval.low is not None
        assert 0.0 <= interval.low <= interval.mean <= interval.high  # type: ignore[operator]
        lows.append(interval.low)
    assert min(lows) == 0.0
    assert max(lows) < 0.05
