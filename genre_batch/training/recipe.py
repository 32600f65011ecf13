"""A recipe (front end, classifier, training settings): from pieces of tracks to a model that scores segments."""

from collections.abc import Sequence
from dataclasses import dataclass

from genre_batch.errors import UsageError
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.architecture import Trainable
from genre_batch.model.estimators.estimator import EstimatorSettings
from genre_batch.model.networks.settings import (
    NetworkSettings,
    TextureKernelSettings,
    TrainedNetworkSettings,
    TrunkSettings,
)
from genre_batch.model.scores import Labels, Pooling
from genre_batch.training.checkpoint import Checkpoint
from genre_batch.training.dataset import fit_standardisation
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.fit import EpochProgress, Optimisation
from genre_batch.training.fitted_model import FittedModel
from genre_batch.training.network_model import Measure, fit_network
from genre_batch.training.one_step_models import fit_textures, fit_to_segments
from genre_batch.training.trunk_model import fit_trunk


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is the same in every fold.

    front_end: without mean and std, which are learned. optimisation: None for models fitted in one step. genres: what
    the labels are indices into. standardise: whether each row of a segment gets mean 0 and deviation 1. pooling: how
    the answers to the segments of a track become one.
    """

    architecture: Trainable
    front_end: FrontEnd
    optimisation: Optimisation | None
    genres: Sequence[str]
    standardise: bool = True
    pooling: Pooling = "mean_probability"


def check_recipe(recipe: Recipe) -> None:
    """Raise UsageError if the segments do not suit the classifier, or the standardisation is given."""
    front_end = recipe.front_end
    if front_end.mean:
        raise UsageError("front_end.mean and front_end.std are learned", "leave them out of the training settings")
    _check_input(recipe)
    if isinstance(recipe.architecture, TrainedNetworkSettings):
        _check_augmentation(recipe)
    if isinstance(recipe.architecture, NetworkSettings):
        _check_segments(recipe.architecture, recipe)


def _check_input(recipe: Recipe) -> None:
    """Raise UsageError if the classifier would be given other numbers than it is made for."""
    front_end, settings = recipe.front_end, recipe.architecture
    if settings.front_end_needed is None:
        return
    if not settings.accepts(front_end):
        raise UsageError(
            f"{settings.name} needs the front end {settings.front_end_needed}, not {front_end.name}",
            "see configs/train/",
        )
    if recipe.standardise:
        raise UsageError(f"{settings.name} needs values that are not standardised", "set standardise=false")


def _check_augmentation(recipe: Recipe) -> None:
    changes_bands = recipe.optimisation is not None and recipe.optimisation.augmentation.changes_bands
    if changes_bands and not isinstance(recipe.front_end, LogMelFrontEnd):
        raise UsageError(
            f"of the augmentations only mixup makes sense for the front end {recipe.front_end.name}",
            "leave the others out of optimisation.augmentation",
        )


def fit_model(
    recipe: Recipe,
    tracks: Sequence[Pieces],
    labels: Labels,
    *,
    seed: int,
    progress: EpochProgress,
    checkpoint: Checkpoint | None = None,
    measure: Measure | None = None,
) -> FittedModel:
    """A model learned from `tracks` and their `labels` [n_tracks], and from nothing else.

    `progress`, `checkpoint` and `measure` are for networks that are trained in epochs.
    """
    mean, std = fit_standardisation(tracks) if recipe.standardise else ([], [])
    front_end = recipe.front_end.model_copy(update={"mean": mean, "std": std})
    settings, n_genres = recipe.architecture, len(recipe.genres)
    if isinstance(settings, EstimatorSettings):
        return fit_to_segments(settings, front_end, tracks, labels, n_genres, seed=seed)
    if isinstance(settings, TextureKernelSettings):
        return fit_textures(settings, front_end, tracks, labels, n_genres, seed=seed)
    if isinstance(settings, TrunkSettings):
        return fit_trunk(settings, front_end, tracks, labels, recipe.genres, seed=seed)
    return fit_network(
        settings,
        front_end,
        recipe.optimisation or Optimisation(),
        tracks,
        labels,
        n_genres,
        seed=seed,
        progress=progress,
        checkpoint=checkpoint,
        measure=measure,
    )


def _check_segments(network: NetworkSettings, recipe: Recipe) -> None:
    import torch

    from genre_batch.model.networks.build import build_network, initialise

    try:
        with torch.random.fork_rng():
            untrained = build_network(network, *recipe.front_end.segment_shape, len(recipe.genres))
        # now rather than after the features, so that missing pretrained weights are reported at once
        initialise(untrained)
    except ValueError as error:
        raise UsageError(str(error), "change the segments of front_end, or the architecture") from error
