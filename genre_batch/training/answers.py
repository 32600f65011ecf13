"""Answers to tracks that a model did not learn from."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from genre_batch.model.calibration import Floats, softmax
from genre_batch.model.pooling import pool
from genre_batch.training.fitted_model import Curves


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one model. logits: [n_segments, n_genres]. track_rows: [n_segments], the track of each segment.

    Tracks are rows of the corpus.
    """

    logits: Floats
    track_rows: npt.NDArray[np.int64]

    @property
    def tracks(self) -> npt.NDArray[np.int64]:
        """The rows of the tracks answered, [n_tracks], sorted."""
        return np.unique(self.track_rows)

    def probabilities(self, temperature: float) -> Floats:
        """Pooled probabilities [n_tracks, n_genres] of `tracks` at a calibration temperature."""
        tracks, places = np.unique(self.track_rows, return_inverse=True)
        return pool(softmax(self.logits, temperature), places.astype(np.int32), len(tracks))


@dataclass(frozen=True, slots=True)
class FoldAnswers:
    """The answers of one fold's model to its test tracks and, where the split has them, to its validation tracks."""

    test: Answers
    valid: Answers | None = None
    curves: Curves = field(default_factory=dict)


Repeat = list[FoldAnswers]
"""The folds of one cross-validation, or the one fold of a split that is given."""


def fitting_answers(repeat: Repeat, fold: int) -> list[Answers]:
    """What the calibration that fold number `fold`, from 0, is measured with may be fitted on.

    Its validation answers or, where it has none, the test answers of the other folds: never the tracks measured on.
    """
    own = repeat[fold].valid
    return [own] if own is not None else [other.test for place, other in enumerate(repeat) if place != fold]


def calibration_answers(repeats: list[Repeat]) -> list[Answers]:
    """What the calibration that a bundle keeps is fitted on: the validation answers, or else all test answers."""
    return [fold.test if fold.valid is None else fold.valid for repeat in repeats for fold in repeat]
