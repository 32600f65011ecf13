"""Why a track has no score: a closed set of reasons that users can count and act on."""

from dataclasses import dataclass
from enum import StrEnum


class RejectReason(StrEnum):
    """The reasons; `docs/troubleshooting.md` explains each."""

    EMPTY = "empty"
    TRUNCATED = "truncated"
    UNSUPPORTED = "unsupported"
    CORRUPT = "corrupt"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    SILENT = "silent"
    NOT_FINITE = "not_finite"
    DECODER_CRASH = "decoder_crash"
    DECODER_TIMEOUT = "decoder_timeout"
    GONE = "gone"
    CHANGED = "changed"
    ACCESS_DENIED = "access_denied"
    ARCHIVED = "archived"
    READ_FAILED = "read_failed"
    INTERNAL = "internal"
    DEFERRED = "deferred"
    DONE_ELSEWHERE = "done_elsewhere"


NOT_TRIED = frozenset({RejectReason.DEFERRED, RejectReason.DONE_ELSEWHERE})
"""Reasons that say nothing about a track: the run ended before its turn, or another run had its outcome first."""

TRANSIENT = frozenset(
    {
        RejectReason.GONE,
        RejectReason.CHANGED,
        RejectReason.ACCESS_DENIED,
        RejectReason.ARCHIVED,
        RejectReason.READ_FAILED,
        RejectReason.DECODER_TIMEOUT,
        RejectReason.INTERNAL,
        *NOT_TRIED,
    }
)
"""Reasons that may be temporary: the next run retries tracks rejected for one of these, and no others."""


class RejectStage(StrEnum):
    """The stage in which the track was rejected."""

    READ = "read"
    DECODE = "decode"
    FEATURES = "features"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Reject:
    """A reason with its stage and a message of at most 500 printable characters.

    hint: what the user can do about it, if that is known where it happened; no column of the table.
    """

    reason: RejectReason
    stage: RejectStage
    message: str
    hint: str = ""


class TrackRejected(Exception):
    """Raised inside a stage to reject one track; the others continue."""

    def __init__(self, reason: RejectReason, stage: RejectStage, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.reject = Reject(reason, stage, printable(message), hint)


def printable(text: str, limit: int = 500) -> str:
    """`text` with unprintable characters escaped, cut to `limit` characters."""
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escaped if len(escaped) <= limit else escaped[: limit - 1] + "…"
