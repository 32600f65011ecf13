"""What is asked of a trained model, whatever family it is of."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from genre_batch.features.front_end import FrontEnd, Segments
from genre_batch.model.architecture import FileName
from genre_batch.model.calibration import Floats
from genre_batch.training.dataset import as_segments
from genre_batch.training.feature_cache import Pieces

Curves = Mapping[str, list[float]]
"""Learning curves by name; see `fit.fit`."""


class FittedModel(Protocol):
    """A trained model with the front end, standardisation included, that it was trained with."""

    @property
    def front_end(self) -> FrontEnd:
        """What its segments come from."""

    @property
    def parameters(self) -> int:
        """How many numbers it has learned."""

    @property
    def curves(self) -> Curves:
        """How the learning went; empty where it was done in one step."""

    def logits(self, segments: Segments) -> Floats:
        """[n, n_genres] float32 for `segments` [n, rows, columns]."""

    def weights(self) -> Mapping[FileName, bytes]:
        """The files of a bundle that hold what was learned."""


def answers_to(model: FittedModel, tracks: Sequence[Pieces]) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Logits [n_segments, n_genres] of all segments that scoring cuts of `tracks`, and of which track each is."""
    segments = [as_segments(pieces, model.front_end) for pieces in tracks]
    rows = np.repeat(np.arange(len(segments), dtype=np.int32), [len(cut) for cut in segments])
    return model.logits(np.concatenate(segments)), rows
