"""All segments of a track are answered, and it is known of which track each is."""

from collections.abc import Mapping

import numpy as np

from genre_batch.features.front_end import FrontEnd, LogMelFrontEnd, Segments
from genre_batch.model.architecture import FileName
from genre_batch.model.calibration import Floats
from genre_batch.training.fitted_model import FittedModel, answers_to


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
    logits, rows = answers_to(model, tracks)
    assert rows.tolist() == [0, 0, 1, 2]
    np.testing.assert_allclose(logits, [[4.0, 9.0], [4.0, 9.0], [1.0, 3.0], [1.5, 4.0]])
