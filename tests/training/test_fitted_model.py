"""All segments of a track are answered, and each is assigned to its track."""

from collections.abc import Mapping

import numpy as np

from genre_batch.features.front_end import FrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.segments import Segments
from genre_batch.model.classifier import FileName
from genre_batch.model.scores import Floats
from genre_batch.training.fitted_model import (
    FittedModel,
    FoldLogits,
    SegmentLogits,
    calibration_answers,
    fitting_answers,
    segment_logits,
)


class Means:
    """Answers with the mean of each of two bands."""

    front_end: FrontEnd = LogMelFrontEnd(
        n_mels=2, segment_frames=4, segment_hop_frames=4, mean=[1.0, 0.0], std=[2.0, 1.0]
    )
    parameters = 0
    curves: Mapping[str, list[float]] = {}

    def logits(self, segments: Segments) -> Floats:
        assert segments.shape[1:] == (2, 4)
        return segments.astype(np.float32).mean(axis=2)

    def weights(self) -> Mapping[FileName, bytes]:
        return {}


def test_segments_are_cut_standardised_and_counted() -> None:
    model: FittedModel = Means()
    tracks = [np.full((1, 2, frames), frames, np.float16) for frames in (9, 3, 4)]
    logits, rows = segment_logits(model, tracks)
    assert rows.tolist() == [0, 0, 1, 2]
    np.testing.assert_allclose(logits, [[4.0, 9.0], [4.0, 9.0], [1.0, 3.0], [1.5, 4.0]])


def answers(*rows: int) -> SegmentLogits:
    logits = np.random.default_rng(len(rows)).normal(size=(len(rows), 3)).astype(np.float32)
    return SegmentLogits(logits, np.array(rows, np.int64))


def test_probabilities_are_those_of_the_tracks_in_order() -> None:
    given = answers(7, 7, 2, 9)
    assert given.tracks.tolist() == [2, 7, 9]
    probabilities = given.probabilities(2.0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)
    scaled = np.exp(given.logits / 2.0)
    scaled /= scaled.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities[1], scaled[:2].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(probabilities[0], scaled[2], rtol=1e-5)


def test_a_fold_is_calibrated_on_the_other_folds_of_its_repeat() -> None:
    repeat = [FoldLogits(answers(row)) for row in (1, 2, 3)]
    assert fitting_answers(repeat, 1) == [repeat[0].test, repeat[2].test]
    assert calibration_answers([repeat, repeat]) == [fold.test for fold in repeat] * 2


def test_a_validation_list_is_what_is_calibrated_on() -> None:
    fold = FoldLogits(answers(1), answers(5))
    assert fold.valid is not None
    assert fitting_answers([fold], 0) == [fold.valid]
    assert calibration_answers([[fold], [fold]]) == [fold.valid] * 2
