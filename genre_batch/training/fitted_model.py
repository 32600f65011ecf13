"""A trained model of any family, and its answers to tracks that it did not learn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from genre_batch.features.front_end import FrontEnd
from genre_batch.features.segments import Segments
from genre_batch.model.classifier import FileName
from genre_batch.model.scores import Floats, Pooling, pooled_answers
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
        """The number of numbers it has learned."""

    @property
    def curves(self) -> Curves:
        """How training progressed; empty if the model was fitted in one step."""

    def logits(self, segments: Segments) -> Floats:
        """[n, n_genres] float32 for `segments` [n, rows, columns]."""

    def weights(self) -> Mapping[FileName, bytes]:
        """The files of a bundle that hold what was learned."""


def segment_logits(model: FittedModel, tracks: Sequence[Pieces]) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Logits [n_segments, n_genres] of the segments that scoring cuts from `tracks`, and the track of each."""
    segments = [as_segments(pieces, model.front_end) for pieces in tracks]
    rows = np.repeat(np.arange(len(segments), dtype=np.int32), [len(cut) for cut in segments])
    return model.logits(np.concatenate(segments)), rows


@dataclass(frozen=True, slots=True)
class SegmentLogits:
    """The answers of one model to the segments of some tracks.

    logits: [n_segments, n_genres]. track_rows: [n_segments], the track of each segment, as a row of the corpus.
    loudness: [n_segments], None if pooling does not weight by it.
    """

    logits: Floats
    track_rows: npt.NDArray[np.int64]
    loudness: Floats | None = None

    @property
    def tracks(self) -> npt.NDArray[np.int64]:
        """The rows of the tracks, [n_tracks], sorted."""
        return np.unique(self.track_rows)

    def probabilities(self, temperature: float) -> Floats:
        """Pooled probabilities [n_tracks, n_genres] of `tracks` at a calibration temperature."""
        tracks, places = np.unique(self.track_rows, return_inverse=True)
        return pooled_answers(self.logits, self.loudness, places.astype(np.int32), len(tracks), temperature)


def answers_to(
    model: FittedModel, pieces: Sequence[Pieces], rows: npt.NDArray[np.int64], pooling: Pooling
) -> SegmentLogits:
    """The answers of `model` to the tracks in `rows` of the corpus with these `pieces`, to be pooled by `pooling`."""
    logits, which = segment_logits(model, [pieces[row] for row in rows])
    if pooling == "mean_probability":
        return SegmentLogits(logits, rows[which])
    loudness = [model.front_end.loudness(as_segments(pieces[row], model.front_end)) for row in rows]
    return SegmentLogits(logits, rows[which], np.concatenate(loudness))


@dataclass(frozen=True, slots=True)
class FoldLogits:
    """The answers of one fold's model to its test tracks and to its validation tracks, if the split has any."""

    test: SegmentLogits
    valid: SegmentLogits | None = None
    curves: Curves = field(default_factory=dict)


Repeat = list[FoldLogits]
"""The folds of one cross-validation, or the single fold of a listed split."""


def fitting_answers(repeat: Repeat, fold: int) -> list[SegmentLogits]:
    """The answers that the calibration of fold number `fold`, from 0, is fitted on when the fold is measured.

    Its validation answers or, if it has none, the test answers of the other folds: never the tracks measured.
    """
    own = repeat[fold].valid
    return [own] if own is not None else [other.test for place, other in enumerate(repeat) if place != fold]


def calibration_answers(repeats: list[Repeat]) -> list[SegmentLogits]:
    """The answers that the bundle's calibration is fitted on: the validation answers, or all test answers if none."""
    return [fold.test if fold.valid is None else fold.valid for repeat in repeats for fold in repeat]
