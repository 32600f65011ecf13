"""Why a track got no score: a closed set of reasons, so that users can count and act on them."""

from dataclasses import dataclass
from enum import StrEnum


class RejectReason(StrEnum):
    """The closed set of reasons; the table in the README explains each."""

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
    READ_FAILED = "read_failed"
    INTERNAL = "internal"


TRANSIENT = frozenset(
    {
        RejectReason.GONE,
        RejectReason.CHANGED,
        RejectReason.ACCESS_DENIED,
        RejectReason.READ_FAILED,
        RejectReason.DECODER_TIMEOUT,
        RejectReason.INTERNAL,
    }
)
"""Reasons that may go away by themselves: the next run tries these tracks again, and only these."""


class Stage(StrEnum):
    """Where in the flow the track was given up."""

    READ = "read"
    DECODE = "decode"
    FEATURES = "features"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Reject:
    """A reason with its stage and a message of at most 500 printable characters."""

    reason: RejectReason
    stage: Stage
    message: str


class TrackRejected(Exception):
    """Raised inside a stage to end one track, and only that track."""

    def __init__(self, reason: RejectReason, stage: Stage, message: str) -> None:
        super().__init__(message)
        self.reject = Reject(reason, stage, printable(message))


def printable(text: str, limit: int = 500) -> str:
    """`text` with control and unprintable characters escaped, cut to `limit` characters."""
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escaped if len(escaped) <= limit else escaped[: limit - 1] + "…"
