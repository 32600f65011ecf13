"""The requests to the sandboxed front end and its answers: JSON and raw numbers. Neither side unpickles anything."""

import json
from dataclasses import asdict
from functools import lru_cache

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from genre_batch.catalog.track import TrackFacts
from genre_batch.features.front_end import FrontEnd, TrackSegments
from genre_batch.features.segments import all_finite

_ALIGNMENT_BYTES = 16
_FRONT_END: TypeAdapter[FrontEnd] = TypeAdapter(FrontEnd)


@lru_cache(maxsize=1)
def _parse_settings(settings: bytes) -> FrontEnd:
    return _FRONT_END.validate_json(settings)


class _Header(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    n_segments: int = Field(ge=1)
    facts: TrackFacts


def pack_request(track_id: str, front_end: FrontEnd) -> bytes:
    """A request for one track: the settings as a line of JSON, then the id, which may hold any characters."""
    return front_end.model_dump_json().encode() + b"\n" + track_id.encode(errors="surrogatepass")


def unpack_request(request: bytes) -> tuple[str, FrontEnd]:
    """The track's id and the settings of a request of `pack_request`."""
    settings, _, track_id = request.partition(b"\n")
    return track_id.decode(errors="surrogatepass"), _parse_settings(settings)


def pack_segments(track: TrackSegments) -> bytes:
    """One padded line of JSON, then the segments as little-endian numbers of their dtype in C order."""
    header = {"n_segments": len(track.segments), "facts": asdict(track.facts)}
    little_endian = track.segments.dtype.newbyteorder("<")
    numbers = np.ascontiguousarray(track.segments, little_endian)
    line = json.dumps(header).encode()
    padding = b" " * (-(len(line) + 1) % _ALIGNMENT_BYTES) + b"\n"
    return b"".join((line, padding, numbers.data.cast("B")))


def unpack_segments(answer: bytes, front_end: FrontEnd) -> TrackSegments:
    """The track that `pack_segments` packed; its segments are a read-only view of `answer`.

    Raises ValueError unless they are finite and of a size that `front_end` can give: the answer may come from a process
    that a hostile file has taken over.
    """
    line_bytes = answer.find(b"\n") + 1
    try:
        header = _Header.model_validate_json(answer[:line_bytes])
    except ValidationError as error:
        raise ValueError("its header is not valid") from error
    shape, dtype = (header.n_segments, *front_end.segment_shape), np.dtype(front_end.dtype).newbyteorder("<")
    expected_bytes = int(np.prod(shape)) * dtype.itemsize
    answer_bytes = len(answer) - line_bytes
    if header.n_segments > front_end.max_segments or answer_bytes != expected_bytes:
        raise ValueError(f"it has {answer_bytes} bytes for {header.n_segments} segments")
    segments = np.frombuffer(answer, dtype, offset=line_bytes).reshape(shape)
    if not all_finite(segments):
        raise ValueError("it holds NaN or infinity")
    return TrackSegments(segments, header.facts)
