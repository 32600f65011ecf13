"""The requests to the sandboxed front end and its answers: JSON and raw numbers. Neither side unpickles anything."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.catalog.track import TrackFacts
from genre_batch.features.front_end import FrontEnd, TrackSegments
from genre_batch.features.segments import all_finite

_ALIGNMENT_BYTES = 16
_FRONT_END: TypeAdapter[FrontEnd] = TypeAdapter(FrontEnd)


_FRONT_ENDS: TypeAdapter[tuple[FrontEnd, ...]] = TypeAdapter(tuple[FrontEnd, ...])


@lru_cache(maxsize=1)
def _parse_settings(settings: bytes) -> FrontEnd:
    return _FRONT_END.validate_json(settings)


@lru_cache(maxsize=4)
def _parse_all_settings(settings: bytes) -> tuple[FrontEnd, ...]:
    return _FRONT_ENDS.validate_json(settings)


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


class _Part(BaseModel):
    """What the answer says of one front end: the length of its packed segments, or why the track is rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: int = Field(default=0, ge=0)
    reason: RejectReason | None = None
    stage: RejectStage = RejectStage.FEATURES
    message: str = ""


_PARTS: TypeAdapter[tuple[_Part, ...]] = TypeAdapter(tuple[_Part, ...])


def pack_request_for_each(track_id: str, front_ends: Sequence[FrontEnd]) -> bytes:
    """The same as `pack_request` for the segments of several front ends."""
    return _FRONT_ENDS.dump_json(tuple(front_ends)) + b"\n" + track_id.encode(errors="surrogatepass")


def unpack_request_for_each(request: bytes) -> tuple[str, tuple[FrontEnd, ...]]:
    """The track's id and the settings of a request of `pack_request_for_each`."""
    settings, _, track_id = request.partition(b"\n")
    return track_id.decode(errors="surrogatepass"), _parse_all_settings(settings)


def pack_each(tracks: Sequence[TrackSegments | TrackRejected]) -> bytes:
    """One padded line of JSON, then what `pack_segments` makes of each that is not rejected."""
    packed = [b"" if isinstance(track, TrackRejected) else pack_segments(track) for track in tracks]
    parts = tuple(_part(track, len(data)) for track, data in zip(tracks, packed, strict=True))
    line = _PARTS.dump_json(parts)
    return b"".join((line, b" " * (-(len(line) + 1) % _ALIGNMENT_BYTES) + b"\n", *map(_aligned, packed)))


def unpack_each(answer: bytes, front_ends: Sequence[FrontEnd]) -> list[TrackSegments | TrackRejected]:
    """What `pack_each` packed, for each of `front_ends`. Raises ValueError as `unpack_segments` does."""
    place = answer.find(b"\n") + 1
    try:
        parts = _PARTS.validate_json(answer[:place])
    except ValidationError as error:
        raise ValueError("its list of parts is not valid") from error
    found: list[TrackSegments | TrackRejected] = []
    for part, front_end in zip(parts, front_ends, strict=True):
        if part.reason is not None:
            found.append(TrackRejected(part.reason, part.stage, part.message))
        else:
            found.append(unpack_segments(answer[place : place + part.length], front_end))
            place += part.length + -part.length % _ALIGNMENT_BYTES
    if place != len(answer):
        raise ValueError(f"it has {len(answer)} bytes instead of {place}")
    return found


def _part(track: TrackSegments | TrackRejected, length: int) -> _Part:
    if isinstance(track, TrackSegments):
        return _Part(length=length)
    reject = track.reject
    return _Part(reason=reject.reason, stage=reject.stage, message=reject.message)


def _aligned(data: bytes) -> bytes:
    return data + b" " * (-len(data) % _ALIGNMENT_BYTES)
