"""From a bundle's weights to an estimator."""

from genre_batch.model.architecture import (
    Architecture,
    ClustersSettings,
    ForestSettings,
    GaussianNeighboursSettings,
    NeighboursSettings,
    SvmSettings,
)
from genre_batch.model.estimators.clusters import Clusters
from genre_batch.model.estimators.estimator import Estimator
from genre_batch.model.estimators.forest import Forest
from genre_batch.model.estimators.gaussian_neighbours import GaussianNeighbours
from genre_batch.model.estimators.neighbours import Neighbours
from genre_batch.model.estimators.svm import Svm


def load_estimator(settings: Architecture, weights: bytes, rows: int, columns: int, n_genres: int) -> Estimator:
    """The estimator that `settings` names, of `weights`, for segments [n, rows, columns].

    Nothing is unpickled. Raises UsageError where the weights are damaged, of another classifier or other segments, or
    hold a type that no estimator is made of.
    """
    n_values = rows * columns
    match settings:
        case ForestSettings():
            return Forest.load(settings, weights, n_values, n_genres)
        case SvmSettings():
            return Svm.load(weights, n_values, n_genres)
        case NeighboursSettings():
            return Neighbours.load(settings, weights, n_values, n_genres)
        case ClustersSettings():
            return Clusters.load(settings, weights, n_values, n_genres)
        case GaussianNeighboursSettings():
            return GaussianNeighbours.load(settings, weights, rows, n_genres)
        case _:
            raise AssertionError(f"{settings.name} is no estimator")
