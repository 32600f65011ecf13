"""A frozen trunk with a head that is fitted in one step to the trunk's values of the training segments."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from safetensors.torch import save

from genre_batch.features.front_end import FrontEnd
from genre_batch.features.segments import Segments
from genre_batch.model.bundle import WEIGHTS_FILE
from genre_batch.model.classifier import FileName
from genre_batch.model.estimators.estimator import Doubles
from genre_batch.model.networks.head_settings import TAGS
from genre_batch.model.networks.musicnn import N_VALUES
from genre_batch.model.networks.settings import TrunkSettings
from genre_batch.model.networks.trunk import Trunk
from genre_batch.model.scores import Floats, Labels
from genre_batch.training.dataset import as_segments
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.fit_head import HeadExamples, fit_head, tag_columns
from genre_batch.training.network_model import NetworkModel

_BATCH = 32
_LEAST_STD = 1e-6


class TrunkModel(NetworkModel):
    """A frozen trunk with a fitted head; see `FittedModel`."""

    network: Trunk

    @property
    def parameters(self) -> int:
        """As in `FittedModel`: without the trunk, which is not learned here."""
        return sum(tensor.numel() for tensor in self.network.head.state_dict().values())

    def logits(self, segments: Segments) -> Floats:
        """As in `FittedModel`, in single precision."""
        values = torch.from_numpy(trunk_values().of(segments))
        with torch.inference_mode():
            logits: Floats = self.network.head(self.network.standardised(values)).numpy()
        return logits

    def distances(self, segments: Segments) -> Floats:
        """How far each of `segments` is from the nearest genre, [n]; see `Trunk.distances`."""
        values = torch.from_numpy(trunk_values().of(segments))
        with torch.inference_mode():
            distances: Floats = self.network.distances(self.network.standardised(values)).numpy()
        return distances

    def weights(self) -> Mapping[FileName, bytes]:
        """As in `FittedModel`; the trunk is in half precision."""
        return {WEIGHTS_FILE: save({name: t.contiguous() for name, t in self.network.stored_state().items()})}


class TrunkValues:
    """The trunk's values of segments, each computed once: all folds of a cross-validation see the same segments."""

    def __init__(self) -> None:
        self._network = Trunk(TrunkSettings(), TrunkSettings().input.n_mels, 187, 2).eval()
        self._network.load_pretrained()
        self._known: dict[bytes, Floats] = {}

    def of(self, segments: Segments) -> Floats:
        """Values [n, n_values] of `segments` [n, n_mels, segment_frames] in dB."""
        names = [hashlib.blake2b(np.ascontiguousarray(segment).tobytes()).digest() for segment in segments]
        unknown = [place for place, name in enumerate(names) if name not in self._known]
        for start in range(0, len(unknown), _BATCH):
            places = unknown[start : start + _BATCH]
            with torch.inference_mode():
                batch = torch.from_numpy(segments[places].astype(np.float32)).unsqueeze(1)
                values = self._network.trunk(batch).numpy()
            self._known.update(zip([names[place] for place in places], values, strict=True))
        return np.stack([self._known[name] for name in names]) if names else np.empty((0, N_VALUES), np.float32)


@cache
def trunk_values() -> TrunkValues:
    """The values of the only trunk there is, kept while the process lives: 800 bytes a segment."""
    return TrunkValues()


@dataclass(frozen=True, slots=True)
class _Values:
    """The trunk's values of the training segments, [n, n_values], with the label [n] and the weight [n] of each."""

    values: Doubles
    labels: Labels
    weights: Doubles


def fit_trunk(
    settings: TrunkSettings,
    front_end: FrontEnd,
    tracks: Sequence[Pieces],
    labels: Labels,
    genres: Sequence[str],
    *,
    seed: int,
) -> TrunkModel:
    """A trunk whose head learned from `tracks` and their `labels` [n_tracks], indices into `genres`.

    Together, the segments of a track have the weight of the square root of their number.
    """
    learned = _values(front_end, tracks, labels)
    model = _standardised(settings, front_end, learned, genres)
    network, std = model.network, model.network.std.numpy().astype(np.float64)
    tag_weights = network.trunk.tags.weight.numpy().astype(np.float64)
    columns = tag_columns(settings.head, genres, TAGS)
    pull = [tag_weights[tags].mean(axis=0) * std if tags else np.zeros(N_VALUES) for tags in columns]
    examples = HeadExamples(_points(network, learned), learned.labels, learned.weights, len(genres))
    network.head.load_state_dict(fit_head(settings.head, examples, np.stack(pull, axis=1), seed))
    return model


def standardised_trunk(
    settings: TrunkSettings, front_end: FrontEnd, tracks: Sequence[Pieces], labels: Labels, genres: Sequence[str]
) -> TrunkModel:
    """The model that `fit_trunk` makes, with a head that has learned nothing: enough for its distances."""
    return _standardised(settings, front_end, _values(front_end, tracks, labels), genres)


def _values(front_end: FrontEnd, tracks: Sequence[Pieces], labels: Labels) -> _Values:
    values = [trunk_values().of(as_segments(pieces, front_end)).astype(np.float64) for pieces in tracks]
    counts = np.array([len(each) for each in values])
    weights = np.repeat(counts**-0.5, counts)
    weights *= len(tracks) / weights.sum()
    return _Values(np.concatenate(values), np.repeat(labels, counts), weights)


def _standardised(settings: TrunkSettings, front_end: FrontEnd, learned: _Values, genres: Sequence[str]) -> TrunkModel:
    network = Trunk(settings, *front_end.segment_shape, len(genres)).eval()
    network.load_pretrained()
    share = learned.weights / learned.weights.sum()
    mean = share @ learned.values
    std = np.sqrt(share @ np.square(learned.values - mean)) + _LEAST_STD
    network.mean, network.std = torch.from_numpy(mean).float(), torch.from_numpy(std).float()
    by_genre = np.eye(len(genres))[learned.labels] * learned.weights[:, None]
    means = by_genre.T @ _points(network, learned) / by_genre.sum(axis=0)[:, None]
    network.genre_means = torch.from_numpy(means).float()
    return TrunkModel(network, front_end)


def _points(network: Trunk, learned: _Values) -> Doubles:
    return network.standardised(torch.from_numpy(learned.values)).numpy().astype(np.float64)
