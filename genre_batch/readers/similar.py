"""`genre-batch similar`: the tracks whose embeddings are nearest to that of one track."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from genre_batch import table
from genre_batch.errors import DamageFound, UsageError
from genre_batch.sink.layout import repair_hint
from genre_batch.storage.open_store import UriOrPath
from genre_batch.wording import plural

_COLUMNS = ["track_id", "uri", "genre", "embedding"]
_BLOCK_ROWS = 65_536
_NO_EMBEDDINGS = "score with `--set bundle=default-embedding`, or train a bundle with `--set embedding=true`"
_Vectors = npt.NDArray[np.float32]


class SimilarConfig(BaseModel):
    """Settings of `genre-batch similar`.

    output: the output of `score`. track: the track_id of one of its tracks. model: whose embeddings are compared, null
    for the model that is served. count: how many tracks to list.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: UriOrPath
    track: Annotated[str, Field(min_length=1)]
    model: str | None = None
    count: PositiveInt = 10


class NearTrack(BaseModel):
    """A track, the genre it got, and the cosine of the angle between both embeddings, from -1 to 1."""

    model_config = ConfigDict(frozen=True)

    track_id: str
    uri: str
    genre: str | None
    similarity: float


class SimilarTracks(BaseModel):
    """The tracks that are most similar to `track_id`, nearest first. compared: all tracks with an embedding."""

    model_config = ConfigDict(frozen=True)

    track_id: str
    genre: str | None
    compared: int
    nearest: tuple[NearTrack, ...]

    def summary(self) -> str:
        """The tracks as lines for a terminal."""
        head = f"nearest to {self.track_id} ({self.genre or 'no genre'}) of {plural(self.compared, 'track')}:"
        lines = [f"  {near.similarity:6.3f}  {near.genre or '–':<16} {near.track_id}" for near in self.nearest]
        return "\n".join([head, *lines])


def similar(config: SimilarConfig) -> SimilarTracks:
    """The tracks of an output that are nearest to one: exact, as every current embedding is compared with it.

    Memory holds one block of embeddings. Raises what `table.dataset` raises, and UsageError if the track or the model
    has no embedding.
    """
    answers = table.dataset(config.output, config.model)
    if "embedding" not in answers.schema.names:
        raise UsageError(f"the scores at {config.output!r} have no embeddings", _NO_EMBEDDINGS)
    with table.read_errors(config.output, answers.schema):
        own = answers.to_table(_COLUMNS, filter=pc.field("track_id") == config.track)
        if not own.num_rows:
            raise UsageError(f"there is no answer for {config.track!r} at {config.output!r}", "give its track_id")
        if own["embedding"].null_count:
            raise UsageError(f"{config.track!r} has no embedding in {config.output!r}", _NO_EMBEDDINGS)
        wanted = _vectors(own.combine_chunks().to_batches()[0], config.output)[0]
        nearest: list[NearTrack] = []
        compared = 0
        others = pc.field("embedding").is_valid() & (pc.field("track_id") != config.track)
        for block in answers.to_batches(columns=_COLUMNS, filter=others, batch_size=_BLOCK_ROWS):
            if block.num_rows:
                compared += block.num_rows
                nearest = _nearest([*nearest, *_best_of(block, wanted, config)], config.count)
    return SimilarTracks(
        track_id=config.track, genre=own["genre"][0].as_py(), compared=compared, nearest=tuple(nearest)
    )


def _vectors(rows: pa.RecordBatch, output: str) -> _Vectors:
    """The embeddings [n, values] of rows that all have one. Raises DamageFound if they are not equally long."""
    lists = rows["embedding"]
    values = np.asarray(lists.flatten(), np.float32)
    if len(values) % len(lists) or pc.count_distinct(pc.list_value_length(lists)).as_py() != 1:
        raise DamageFound(f"embeddings of one model at {output!r} differ in length", repair_hint(output))
    return values.reshape(len(lists), -1)


def _best_of(block: pa.RecordBatch, wanted: _Vectors, config: SimilarConfig) -> Iterator[NearTrack]:
    vectors = _vectors(block, config.output)
    if vectors.shape[1] != len(wanted):
        raise DamageFound(f"embeddings of one model at {config.output!r} differ in length", repair_hint(config.output))
    cosines = vectors @ wanted
    if len(cosines) > config.count:  # all that tie with the last one, so that the choice does not depend on blocks
        least = np.partition(cosines, -config.count)[-config.count]
        places = np.flatnonzero(cosines >= least)
    else:
        places = np.arange(len(cosines))
    chosen = block.select(_COLUMNS[:3]).take(pa.array(places)).to_pylist()
    for row, cosine in zip(chosen, cosines[places].tolist(), strict=True):
        yield NearTrack(similarity=cosine, **row)


def _nearest(tracks: list[NearTrack], count: int) -> list[NearTrack]:
    return sorted(tracks, key=lambda near: (-near.similarity, near.track_id))[:count]
