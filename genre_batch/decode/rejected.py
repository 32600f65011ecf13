"""Rejects of the decode stage."""

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected


def rejected(reason: RejectReason, message: str) -> TrackRejected:
    """The exception that rejects the track in the decode stage; the caller raises it."""
    return TrackRejected(reason, RejectStage.DECODE, message)


def require_bytes(what: str, declared_bytes: int, present_bytes: int) -> None:
    """Raise TrackRejected: `truncated` if a header declares clearly more bytes than the object has.

    Writers are often a few bytes off (a forgotten pad byte, a tag counted twice), so up to 4 KiB or 0.1 % of the
    declared size may be missing. That costs at most a few milliseconds of sound.
    """
    missing = declared_bytes - present_bytes
    if missing > max(4096, declared_bytes // 1000):
        text = f"{what} declares {declared_bytes} bytes, the object has {present_bytes} of them"
        raise rejected(RejectReason.TRUNCATED, text)
