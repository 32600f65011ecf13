"""Which part of a track is decoded."""

import hashlib
from typing import Self

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveFloat, model_validator


class Window(BaseModel):
    """A part of fixed length at an offset that only the track's id decides.

    The default is the rule of seed 001: 30 s from a whole second drawn from 15..120 s, so that slow
    openings are avoided and not every track is cut at the same place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    length_s: PositiveFloat = 30.0
    min_offset_s: NonNegativeInt = 15
    max_offset_s: NonNegativeInt = 120

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max_offset_s < self.min_offset_s:
            raise ValueError("max_offset_s is smaller than min_offset_s")
        return self

    def start_s(self, track_id: str, duration_s: float) -> float:
        """Seconds into a track of `duration_s` at which the window begins; 0 where the track is shorter than it."""
        choices = self.max_offset_s - self.min_offset_s + 1
        draw = int.from_bytes(hashlib.sha256(track_id.encode(errors="surrogatepass")).digest()[:8], "big")
        wanted = self.min_offset_s + draw % choices
        return max(0.0, min(float(wanted), duration_s - self.length_s))

    def span_s(self, track_id: str, duration_s: float) -> tuple[float, float]:
        """Where the window begins, as `start_s` says, and ends; a shorter track ends before that."""
        start_s = self.start_s(track_id, duration_s)
        return start_s, start_s + self.length_s
