"""Front end, classifier and training settings together: from the pieces of tracks to a model that scores segments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args

from genre_batch.errors import UsageError
from genre_batch.features.front_end import FrontEnd, ImageFrontEnd, LogMelFrontEnd, MfccFrontEnd
from genre_batch.model.architecture import (
    AnyNetwork,
    Estimator,
    MfccMlpSettings,
    MobileNetSettings,
    Network,
    SpectrogramCnnSettings,
    TextureKernelSettings,
    Trainable,
    WaveletFusionSettings,
)
from genre_batch.training.batches import Labels
from genre_batch.training.checkpoint import Checkpoint
from genre_batch.training.dataset import fit_standardisation
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.fit import Optimisation, Progress
from genre_batch.training.fitted_model import FittedModel
from genre_batch.training.network_model import Measure, fit_network
from genre_batch.training.texture_model import fit_textures

NETWORKS: tuple[type[Network], ...] = get_args(Network)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is the same in every fold. `front_end` has no mean and std yet: they are a part of what is learned.

    optimisation: None for estimators. standardise: whether each row of a segment gets mean 0 and deviation 1.
    """

    architecture: Trainable
    front_end: FrontEnd
    optimisation: Optimisation | None
    n_genres: int
    standardise: bool = True


def check_recipe(recipe: Recipe) -> None:
    """Raise UsageError where the segments do not suit the classifier, or the standardisation is given."""
    front_end = recipe.front_end
    if front_end.mean:
        raise UsageError("front_end.mean and front_end.std are learned", "leave them out of the training settings")
    _check_input(recipe)
    if isinstance(recipe.architecture, NETWORKS):
        _check_augmentation(recipe)
    if isinstance(recipe.architecture, AnyNetwork):
        _check_segments(recipe.architecture, recipe)


def _check_input(recipe: Recipe) -> None:
    """Raise UsageError where a classifier would be given other numbers than those it is made for."""
    front_end, name = recipe.front_end, recipe.architecture.name
    images = front_end.images if isinstance(front_end, ImageFrontEnd) else None
    match recipe.architecture:
        case TextureKernelSettings():
            fits, need = isinstance(front_end, LogMelFrontEnd), "log_mel"
        case MfccMlpSettings():
            fits, need = isinstance(front_end, MfccFrontEnd), "mfcc"
        case SpectrogramCnnSettings() | MobileNetSettings():
            fits, need = images is not None and len(images) == 1, "image with one picture"
        case WaveletFusionSettings():
            fits, need = images == ["spectrogram", "scalogram"], "image with spectrogram and scalogram"
        case _:
            return
    if not fits:
        raise UsageError(f"{name} needs the front end {need}, not {front_end.name}", "see configs/train/")
    if recipe.standardise:
        raise UsageError(f"{name} needs its values as they are", "set standardise=false")


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
    progress: Progress,
    checkpoint: Checkpoint | None = None,
    measure: Measure | None = None,
) -> FittedModel:
    """A model learned from `tracks` and their `labels` [n_tracks], and from nothing else.

    `progress`, `checkpoint` and `measure` are for networks; an estimator is fitted in one step.
    """
    mean, std = fit_standardisation(tracks) if recipe.standardise else ([], [])
    front_end = recipe.front_end.model_copy(update={"mean": mean, "std": std})
    if isinstance(recipe.architecture, NETWORKS):
        return fit_network(
            recipe.architecture,
            front_end,
            recipe.optimisation or Optimisation(),
            tracks,
            labels,
            recipe.n_genres,
            seed=seed,
            progress=progress,
            checkpoint=checkpoint,
            measure=measure,
        )
    if isinstance(recipe.architecture, TextureKernelSettings):
        return fit_textures(recipe.architecture, front_end, tracks, labels, recipe.n_genres, seed=seed)
    # scikit-learn is loaded only where it is needed
    from genre_batch.training.estimator_model import fit_to_segments

    settings = cast("Estimator", recipe.architecture)
    return fit_to_segments(settings, front_end, tracks, labels, recipe.n_genres, seed=seed)


def _check_segments(network: AnyNetwork, recipe: Recipe) -> None:
    import torch

    from genre_batch.model.networks.build import build_network
    from genre_batch.model.networks.initialise import initialise

    try:
        with torch.random.fork_rng():
            untrained = build_network(network, *recipe.front_end.segment_shape, recipe.n_genres)
        # here already, so that nobody waits for features only to hear that pretrained weights cannot be had
        if isinstance(network, NETWORKS):
            initialise(untrained, network)
    except ValueError as error:
        raise UsageError(str(error), "change the segments of front_end, or the architecture") from error
