"""What goes to the sandboxed front end and comes back: JSON, and raw numbers. Neither side unpickles anything."""

import json
from functools import lru_cache

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, TypeAdapter, ValidationError

from genre_batch.features.finite import all_finite
from genre_batch.features.front_end import FrontEnd, TrackSegments

_ALIGNMENT_BYTES = 16
_FRONT_END: TypeAdapter[FrontEnd] = TypeAdapter(FrontEnd)


@lru_cache(maxsize=1)
def _parse_settings(settings: bytes) -> FrontEnd:
    return _FRONT_END.validate_json(settings)


class _Header(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    n_segments: int = Field(ge=1)
    duration_s: NonNegativeFloat = Field(allow_inf_nan=False)
    window_start_s: NonNegativeFloat = Field(allow_inf_nan=False)
    decoder: str = Field(pattern="^[a-z0-9_]{1,32}$")


def pack_request(track_id: str, front_end: FrontEnd) -> bytes:
    """One track to work on: the settings as a line of JSON, then the id, whatever characters it has."""
    return front_end.model_dump_json().encode() + b"\n" + track_id.encode(errors="surrogatepass")


def unpack_request(request: bytes) -> tuple[str, FrontEnd]:
    """The track's id and the settings that `pack_request` was given."""
    settings, _, track_id = request.partition(b"\n")
    return track_id.decode(errors="surrogatepass"), _parse_settings(settings)


def pack_segments(track: TrackSegments) -> bytes:
    """One padded line of JSON, then the segments as little-endian numbers of their precision in C order."""
    header = {
        "n_segments": len(track.segments),
        "duration_s": track.duration_s,
        "window_start_s": track.window_start_s,
        "decoder": track.decoder,
    }
    little_endian = track.segments.dtype.newbyteorder("<")
    numbers = np.ascontiguousarray(track.segments, little_endian)
    line = json.dumps(header).encode()
    padding = b" " * (-(len(line) + 1) % _ALIGNMENT_BYTES) + b"\n"
    return b"".join((line, padding, numbers.data.cast("B")))


def unpack_segments(answer: bytes, front_end: FrontEnd) -> TrackSegments:
    """What `pack_segments` made, on a read-only view of `answer`.

    Raises ValueError unless it is finite and of a size that `front_end` can give: the answer may come from a process
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
    return TrackSegments(segments, header.duration_s, header.window_start_s, header.decoder)
