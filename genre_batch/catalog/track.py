"""A track, the unit of data: one row is one track from listing to table."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field


@dataclass(frozen=True, slots=True, order=True)
class Track:
    """One audio object of the catalog.

    `track_id` is the URI unless the catalog gives another; `etag` is "" and `size_bytes` -1 for an object that was
    missing or unreadable when it was listed (it becomes a reject, not a gap). modified_at: when it was written, if that
    is known; it only decides what is done first.
    """

    track_id: str
    uri: str
    etag: str
    size_bytes: int
    modified_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """What the decoder learned of a track. Travels unchanged from the decoder to the row of the table.

    duration_s: of the whole track. window_start_s: where the decoded window begins in it. decoder: the library that
    read it, e.g. "soundfile" or "av". sample_rate and channels: those of the file, in Hz and number. The constraints
    are checked when the facts arrive from a decoder's process.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    duration_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    window_start_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    decoder: Annotated[str, Field(pattern="^[a-z0-9_]{1,32}$")]
    sample_rate: Annotated[int, Field(ge=1, lt=2**31)]
    channels: Annotated[int, Field(ge=1, lt=2**15)]
