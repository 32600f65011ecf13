"""The samples themselves, for models that have a feature extractor of their own."""

from typing import ClassVar, Literal

import numpy as np

from genre_batch.decode.waveform import Samples
from genre_batch.features.front_end_base import SamplesFrontEnd
from genre_batch.features.segments import Values


class WaveformFrontEnd(SamplesFrontEnd):
    """The samples themselves: segments [n, 1, segment_samples], full scale is 1.0."""

    dtype: ClassVar[type[np.float16] | type[np.float32]] = np.float32

    name: Literal["waveform"] = "waveform"

    @property
    def segment_shape(self) -> tuple[int, int]:
        """One row of samples."""
        return 1, self.segment_samples

    def describe(self) -> str:
        """As in `BaseFrontEnd`."""
        return f"samples at {self.sample_rate} Hz in segments of {self.segment_s:g} s"

    def features(self, samples: Samples) -> Values:
        """As in `BaseFrontEnd`: samples too few for a segment are repeated to fill one."""
        return self.filled_pieces(samples)[:, None]
