"""Estimators: fitted in one step to all segments of the training tracks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from genre_batch.features.front_end import FrontEnd, Segments
from genre_batch.model.architecture import Estimator as EstimatorSettings
from genre_batch.model.architecture import FileName, weight_files
from genre_batch.model.calibration import Floats
from genre_batch.model.estimators.estimator import Estimator
from genre_batch.model.estimators.fit import fit_estimator
from genre_batch.training.batches import Labels
from genre_batch.training.dataset import as_segments
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.fitted_model import Curves


@dataclass(frozen=True, slots=True)
class EstimatorModel:
    """A fitted estimator; see `FittedModel`."""

    estimator: Estimator
    settings: EstimatorSettings
    front_end: FrontEnd
    curves: Curves = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """As in `FittedModel`."""
        return self.estimator.parameters

    def logits(self, segments: Segments) -> Floats:
        """As in `FittedModel`: log-probabilities."""
        return self.estimator.log_probabilities(segments)

    def weights(self) -> Mapping[FileName, bytes]:
        """As in `FittedModel`."""
        return {weight_files(self.settings)[0]: self.estimator.weights()}


def fit_to_segments(
    settings: EstimatorSettings,
    front_end: FrontEnd,
    tracks: Sequence[Pieces],
    labels: Labels,
    n_genres: int,
    *,
    seed: int,
) -> EstimatorModel:
    """An estimator fitted to the segments that scoring cuts of `tracks`; each has the label of its track.

    A track counts as often as it has segments, which is as often for all where windows are full.
    """
    segments = [as_segments(pieces, front_end) for pieces in tracks]
    repeated = np.repeat(labels, [len(cut) for cut in segments])
    return EstimatorModel(
        fit_estimator(settings, np.concatenate(segments), repeated, n_genres, seed), settings, front_end
    )
