"""How a decoder gives up on a track."""

from genre_batch.catalog.reject import RejectReason, Stage, TrackRejected


def rejected(reason: RejectReason, message: str) -> TrackRejected:
    """The exception that ends this track in the decode stage; the caller raises it."""
    return TrackRejected(reason, Stage.DECODE, message)


def require_bytes(what: str, declared_bytes: int, present_bytes: int) -> None:
    """Raise `truncated` where a header promises clearly more bytes than the object has.

    Writers are often a few bytes off (a forgotten pad byte, a tag counted twice), so up to 4 KiB or
    0.1 % of the declared size may be missing: that costs no more than some milliseconds of sound.
    """
    missing = declared_bytes - present_bytes
    if missing > max(4096, declared_bytes // 1000):
        text = f"{what} declares {declared_bytes} bytes, the object has {present_bytes} of them"
        raise rejected(RejectReason.TRUNCATED, text)
