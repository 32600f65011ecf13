"""From settings and labelled segments to a fitted estimator: the one place that knows how each is fitted."""

import numpy as np
from threadpoolctl import threadpool_limits

from genre_batch.errors import UsageError
from genre_batch.features.front_end import Segments
from genre_batch.model import architecture
from genre_batch.model.architecture import (
    ClustersSettings,
    ForestSettings,
    GaussianNeighboursSettings,
    NeighboursSettings,
    SvmSettings,
)
from genre_batch.model.estimators.clusters import Clusters
from genre_batch.model.estimators.estimator import Estimator, Labels
from genre_batch.model.estimators.forest import Forest
from genre_batch.model.estimators.gaussian_neighbours import GaussianNeighbours
from genre_batch.model.estimators.neighbours import Neighbours
from genre_batch.model.estimators.svm import Svm


def fit_estimator(
    settings: architecture.Estimator, segments: Segments, labels: Labels, n_genres: int, seed: int
) -> Estimator:
    """What `settings` names, fitted to `segments` [n, rows, columns] and their `labels` [n], indices below `n_genres`.

    The same for the same arguments, as it is fitted on one thread. Raises UsageError where there are fewer than two
    genres, or fewer segments than the settings need.
    """
    if len(np.unique(labels)) < 2:
        raise UsageError("the training segments are of one genre", "add tracks of another genre")
    needed = _needed(settings)
    if len(segments) < needed:
        raise UsageError(f"{len(segments)} training segments are fewer than {needed}", "add tracks, or ask for fewer")
    with threadpool_limits(1):
        match settings:
            case ForestSettings():
                return Forest.fit(settings, segments, labels, n_genres, seed)
            case SvmSettings():
                return Svm.fit(settings, segments, labels, n_genres)
            case NeighboursSettings():
                return Neighbours.fit(settings, segments, labels, n_genres)
            case ClustersSettings():
                return Clusters.fit(settings, segments, labels, n_genres, seed)
            case GaussianNeighboursSettings():
                return GaussianNeighbours.fit(settings, segments, labels, n_genres)


def _needed(settings: architecture.Estimator) -> int:
    match settings:
        case NeighboursSettings() | GaussianNeighboursSettings():
            return settings.k
        case ClustersSettings():
            return settings.clusters
        case _:
            return 1
