"""Front end, network and training settings together: from spectrograms in dB to a network that scores segments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from genre_batch.errors import UsageError
from genre_batch.features.front_end import FrontEnd, Segments
from genre_batch.features.log_mel import Spectrogram
from genre_batch.features.segments import cut_segments, standardise
from genre_batch.model.architecture import Architecture
from genre_batch.model.calibration import Floats
from genre_batch.model.networks.build import build_network
from genre_batch.training.dataset import HalfSpectrogram, fit_standardisation
from genre_batch.training.fit import Labels, Optimisation, Progress, fit, segment_logits


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is the same in every fold. `front_end` has no mean and std yet: they are a part of what is learned."""

    architecture: Architecture
    front_end: FrontEnd
    optimisation: Optimisation
    n_genres: int


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A trained network, on the CPU in eval mode, and the front end with the standardisation it was trained with."""

    network: nn.Module
    front_end: FrontEnd

    def answer(self, spectrograms: Sequence[HalfSpectrogram]) -> tuple[Floats, npt.NDArray[np.int32]]:
        """Logits [n_segments, n_genres] of all segments of `spectrograms`, and of which each is, [n_segments]."""
        segments = [self._segments(spectrogram) for spectrogram in spectrograms]
        rows = np.repeat(np.arange(len(segments), dtype=np.int32), [len(cut) for cut in segments])
        return segment_logits(self.network, np.concatenate(segments)), rows

    def _segments(self, spectrogram: HalfSpectrogram) -> Segments:
        front_end = self.front_end
        cut = cut_segments(spectrogram.astype(np.float32), front_end.segment_frames, front_end.segment_hop_frames)
        return standardise(cut, front_end.mean, front_end.std)


def check_recipe(recipe: Recipe) -> None:
    """Raise UsageError where the segments are too small for the network, or the standardisation is given."""
    front_end = recipe.front_end
    if front_end.mean:
        raise UsageError("front_end.mean and front_end.std are learned", "leave them out of the training settings")
    try:
        build_network(recipe.architecture, front_end.n_mels, front_end.segment_frames, recipe.n_genres)
    except ValueError as error:
        raise UsageError(str(error), "change front_end.n_mels or front_end.segment_frames") from error


def fit_model(
    recipe: Recipe, spectrograms: Sequence[HalfSpectrogram], labels: Labels, *, seed: int, progress: Progress
) -> FittedModel:
    """A model learned from `spectrograms` [n_mels, n] in dB and their `labels` [n_tracks], and from nothing else."""
    mean, std = fit_standardisation(spectrograms)
    front_end = recipe.front_end.model_copy(update={"mean": mean, "std": std})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_network(recipe.architecture, front_end.n_mels, front_end.segment_frames, recipe.n_genres)
        network = fit(
            network,
            [_standardised(spectrogram, mean, std) for spectrogram in spectrograms],
            labels,
            n_genres=recipe.n_genres,
            segment_frames=front_end.segment_frames,
            settings=recipe.optimisation,
            seed=seed,
            progress=progress,
        )
    return FittedModel(network, front_end)


def _standardised(spectrogram: HalfSpectrogram, mean: list[float], std: list[float]) -> Spectrogram:
    centre, scale = np.asarray(mean, np.float32)[:, None], np.asarray(std, np.float32)[:, None]
    standardised: Spectrogram = (spectrogram - centre) / scale
    return standardised
