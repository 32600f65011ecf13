"""Objects that cannot be read one after the other: then it is the set-up that is at fault, and no bad tracks."""

from genre_batch.catalog.reject import RejectReason, printable
from genre_batch.errors import UserError
from genre_batch.storage.store import AccessDenied, StorageError
from genre_batch.storage.uri import is_s3, split_s3

MESSAGE_CHARACTERS = 200
_NEVER = "with --set max_denied_in_a_row=null such tracks never end a run"


class FailuresInARow:
    """Counts objects in the order of a catalog file; `most` of them that fail in the same way end it, None: never."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._count = 0
        self._last: type[StorageError] | None = None

    def note(self, uri: str, error: StorageError | None) -> None:
        """Count an object; `error` is None where it was seen, or is gone. Raises UserError for the last one allowed."""
        kind = type(error) if error is not None else None
        self._count = self._count + 1 if kind is self._last else 1
        self._last = kind
        if error is not None and self._count == self._most:
            if isinstance(error, AccessDenied):
                raise denied_in_a_row(self._count, uri, str(error), readers="this process")
            raise _failed_in_a_row(self._count, error)


def denied_in_a_row(count: int, uri: str, message: str, *, readers: str, then: str = "") -> UserError:
    """What a user is told where `readers` may read none of `count` tracks, of which `uri` is one.

    then: what starting again does, where there is something to say of that.
    """
    example = f"{printable(uri)}: {printable(message, MESSAGE_CHARACTERS)} ({RejectReason.ACCESS_DENIED})"
    return UserError(
        f"stopped: {count:,} tracks in a row may not be read. For example {example}",
        f"{_permission(uri, readers)}, then start again{then}; {_NEVER}",
    )


def _failed_in_a_row(count: int, error: StorageError) -> UserError:
    return UserError(
        f"stopped: {count:,} tracks in a row cannot be read. For example {printable(str(error))}",
        f"check the network and AWS_ENDPOINT_URL, then start again; {_NEVER}",
    )


def _permission(uri: str, readers: str) -> str:
    if not is_s3(uri):
        return f"let the user of {readers} read these files"
    bucket = printable(split_s3(uri)[0])
    return (
        f"let the credentials of {readers} read s3://{bucket}: s3:GetObject on arn:aws:s3:::{bucket}/*, as in "
        "cluster/aws/s3-policy.json, and kms:Decrypt where the objects are encrypted with a key"
    )
