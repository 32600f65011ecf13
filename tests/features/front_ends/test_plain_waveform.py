"""The samples themselves."""

import numpy as np
from music import music

from genre_batch.features.front_ends.plain_waveform import WaveformFrontEnd


def test_a_waveform_too_short_for_a_segment_is_repeated() -> None:
    front_end = WaveformFrontEnd(segment_s=2.0, rms_dbfs=None)
    samples = music(1.5)
    (segment,) = front_end.segments(samples)
    np.testing.assert_array_equal(segment[0], np.resize(samples, front_end.segment_samples))
