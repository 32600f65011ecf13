"""Bins of confidence worked out by hand."""

import numpy as np
import pytest

from genre_batch.evaluation.reliability import ReliabilityBin, calibration_error, reliability


def test_each_bin_holds_its_tracks() -> None:
    probabilities = np.array([[0.55, 0.45], [0.41, 0.59], [0.9, 0.1], [0.04, 0.96], [1.0, 0.0]])
    diagram = reliability(probabilities, np.array([0, 0, 0, 1, 1]))
    assert [each.tracks for each in diagram] == [2, 3]
    assert [each.confidence for each in diagram] == pytest.approx([0.57, (0.9 + 0.96 + 1.0) / 3])
    assert [each.accuracy for each in diagram] == pytest.approx([0.5, 2 / 3])


def test_the_error_is_the_mean_gap_weighted_by_tracks() -> None:
    diagram = [
        ReliabilityBin(tracks=1, confidence=0.5, accuracy=1.0),
        ReliabilityBin(tracks=3, confidence=0.9, accuracy=0.8),
    ]
    assert calibration_error(diagram) == pytest.approx((0.5 + 3 * 0.1) / 4)
