"""Embeddings: a projection of a network's last layer, so that tracks can be compared by how they sound to the model."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError
from safetensors.numpy import load, save

from genre_batch.errors import UsageError
from genre_batch.model.scores import Floats, pool

MOST_VALUES = 128
Half = npt.NDArray[np.float16]


class EmbeddingSettings(BaseModel):
    """What a bundle says about its embeddings. values: the length of each."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    values: Annotated[int, Field(ge=1, le=MOST_VALUES)]


@dataclass(frozen=True, slots=True)
class Projection:
    """From a layer to an embedding: centre [n] and directions [n, values], both float32."""

    centre: Floats
    directions: Floats

    @property
    def values(self) -> int:
        """The length of an embedding."""
        return int(self.directions.shape[1])

    def embeddings(self, layer: Floats, track_rows: npt.NDArray[np.int32], n_tracks: int) -> Half:
        """The embedding of each track, [n_tracks, values], of unit length in half precision.

        layer: [n_segments, n], averaged over the segments of a track, as the probabilities are. track_rows says which
        track a segment belongs to. A track without segments gets NaN, and one that is exactly the centre gets zeros.
        """
        projected = (pool(layer, track_rows, n_tracks) - self.centre).astype(np.float64) @ self.directions
        length = np.linalg.norm(projected, axis=1, keepdims=True)
        return (projected / np.where(length == 0.0, 1.0, length)).astype(np.float16)

    def to_bytes(self) -> bytes:
        """The file that a bundle keeps."""
        data: bytes = save({"centre": self.centre, "directions": self.directions})
        return data


def fit_projection(layer: Floats) -> Projection:
    """The principal components of the layer [n_segments, n] of the training segments, at most MOST_VALUES of them.

    They are not scaled: what differs most between segments also counts most when embeddings are compared.
    """
    values = layer.astype(np.float64)
    centre = values.mean(axis=0)
    spread, directions = np.linalg.eigh(np.cov(values - centre, rowvar=False, bias=True).reshape(2 * values.shape[1:]))
    useful = int((spread > spread.max(initial=0.0) * 1e-9).sum())
    kept = directions[:, ::-1][:, : max(1, min(MOST_VALUES, useful))]
    # the sign of a component is arbitrary: the largest number of each is positive on every machine
    kept = kept * np.sign(kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])])
    return Projection(centre.astype(np.float32), np.ascontiguousarray(kept, np.float32))


def read_projection(data: bytes, settings: EmbeddingSettings, uri: str) -> Projection:
    """The projection of a bundle's file; `uri` is for the message. Raises UsageError if it is not such a file."""
    try:
        arrays = load(data)
        projection = Projection(arrays["centre"], arrays["directions"])
        fits = projection.directions.shape == (len(projection.centre), settings.values)
        if not fits or {array.dtype for array in arrays.values()} != {np.dtype(np.float32)}:
            raise ValueError("shapes or types")
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise UsageError(
            f"the embedding of the model bundle {uri} does not fit its manifest", "train the bundle again"
        ) from error
    return projection
