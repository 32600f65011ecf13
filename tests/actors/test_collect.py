"""The actor that hands features on: each track gets its own back."""

import numpy as np
import pytest

from genre_batch.actors.blocks import FeatureBlock, TrackFeatures
from genre_batch.actors.collect import CollectFeatures


@pytest.mark.parametrize("rows", [[], [0], [3], [0, 0, 2], [1, 1, 1, 2, 3, 3]])
def test_each_track_gets_its_own_segments_in_order(rows: list[int]) -> None:
    segments = np.arange(len(rows) * 6, dtype=np.float32).reshape(len(rows), 3, 2)
    outcomes = CollectFeatures().predict(FeatureBlock(segments, np.asarray(rows, np.int32), 4)).outcomes
    assert len(outcomes) == 4
    for track, outcome in enumerate(outcomes):
        own = segments[[place for place, row in enumerate(rows) if row == track]]
        if len(own):
            assert isinstance(outcome, TrackFeatures)
            np.testing.assert_array_equal(outcome.segments, own)
        else:
            assert outcome is None
