"""Which part of a track is decoded."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

_HASHED_BYTES = 64 * 1024
_SPREAD_FROM = 2.0
"""Pieces are spread over tracks that are at least this many times as long as all of them together."""
_LATER_SETTINGS = {"draw": "track_id", "pieces": 1}

AudioBytes = Callable[[int, int], bytes]
"""`(start, length)` of the audio in an object, after its tags, to its bytes."""


@dataclass(frozen=True, slots=True)
class Span:
    """`length_s` seconds of a track from `start_s` on; the track may end before that."""

    start_s: float
    length_s: float

    @property
    def end_s(self) -> float:
        """Where it ends, in seconds."""
        return self.start_s + self.length_s


class Window(BaseModel):
    """What is heard of a track: one part at an offset that depends on its id or content, or pieces spread over it.

    The default is 30 s from a whole second drawn from 15..120 s: that avoids slow openings, and does not cut every
    track at the same place. draw: `track_id`, or `content`, so that the same audio has the same window wherever it is
    stored. pieces: if there are several, each has `length_s` and is in the middle of its equal share of the track.
    Nothing is drawn then, so copies of a song are heard at the same places. A track of less than twice the length of
    all pieces is heard in one piece, as long as all of them, in its middle.

    Settings that came later are left out of dumps while they have their default, since fingerprints from before they
    existed stay valid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    length_s: PositiveFloat = 30.0
    min_offset_s: NonNegativeInt = 15
    max_offset_s: NonNegativeInt = 120
    draw: Literal["track_id", "content"] = "track_id"
    pieces: PositiveInt = 1

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max_offset_s < self.min_offset_s:
            raise ValueError("max_offset_s is smaller than min_offset_s")
        if self.pieces > 1 and self.draw != "track_id":
            raise ValueError("several pieces are spread over the track, so nothing is drawn: leave out draw")
        return self

    @model_serializer(mode="wrap")
    def _without_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, float | int | str]:
        fields: dict[str, float | int | str] = dump(self)
        return {name: value for name, value in fields.items() if _LATER_SETTINGS.get(name) != value}

    @property
    def total_s(self) -> float:
        """The length of all pieces together, in seconds."""
        return self.pieces * self.length_s

    def key(self, track_id: str, audio: AudioBytes) -> str:
        """What `start_s` draws by: the id, or a sha256 of the first 64 KiB of the audio, from its first frame on.

        Pieces do not depend on it.
        """
        if self.draw == "track_id":
            return track_id
        return hashlib.sha256(audio(0, _HASHED_BYTES)).hexdigest()

    def start_s(self, key: str, duration_s: float) -> float:
        """The start of the window in a track of `duration_s`, in seconds; 0 if the track is shorter than the window.

        If the content decides, so does the duration, in whole seconds: many files begin with the same 64 KiB.
        """
        choices = self.max_offset_s - self.min_offset_s + 1
        drawn_by = key if self.draw == "track_id" else f"{key} {round(duration_s)}"
        draw = int.from_bytes(hashlib.sha256(drawn_by.encode(errors="surrogatepass")).digest()[:8], "big")
        wanted = self.min_offset_s + draw % choices
        return max(0.0, min(float(wanted), duration_s - self.length_s))

    def spans_s(self, key: str, duration_s: float) -> tuple[Span, ...]:
        """What is heard of a track of `duration_s`, in order; `key`: see the method of that name."""
        if self.pieces == 1:
            return (Span(self.start_s(key, duration_s), self.length_s),)
        if duration_s < _SPREAD_FROM * self.total_s:
            return (Span(max(0.0, (duration_s - self.total_s) / 2), self.total_s),)
        share_s = duration_s / self.pieces
        margin_s = (share_s - self.length_s) / 2
        return tuple(Span(number * share_s + margin_s, self.length_s) for number in range(self.pieces))
