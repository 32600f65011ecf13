"""Consecutive objects that cannot be read: the cause is then the set-up, not the tracks."""

from genre_batch.catalog.reject import RejectReason, printable
from genre_batch.errors import UserError
from genre_batch.storage.store import AccessDenied, StorageError
from genre_batch.storage.uri import is_s3, split_s3

MESSAGE_CHARACTERS = 200
_NEVER = "with --set max_denied_in_a_row=null such tracks never stop a run"


class FailureStreak:
    """Counts consecutive objects of a catalog file that fail in the same way, up to `most` (None: no limit)."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._count = 0
        self._last: type[StorageError] | None = None

    def note(self, uri: str, error: StorageError | None) -> None:
        """Count an object; `error` is None if it was found or is gone. Raises UserError when the limit is reached."""
        kind = type(error) if error is not None else None
        self._count = self._count + 1 if kind is self._last else 1
        self._last = kind
        if error is not None and self._count == self._most:
            if isinstance(error, AccessDenied):
                raise denied_in_a_row(self._count, uri, str(error), error.hint, readers="this process")
            raise _failed_in_a_row(self._count, error)


def denied_in_a_row(count: int, uri: str, message: str, hint: str = "", *, readers: str, then: str = "") -> UserError:
    """The error for `count` consecutive tracks that `readers` have no permission to read; `uri` is one of them.

    hint: what to do about it, if that is known. then: what starting again does, as the continuation of "start again".
    """
    example = f"{printable(uri)}: {printable(message, MESSAGE_CHARACTERS)} ({RejectReason.ACCESS_DENIED})"
    return UserError(
        f"stopped: no permission to read {count:,} consecutive tracks. For example {example}",
        f"{hint or _permission(uri, readers)}, then start again{then}; {_NEVER}",
    )


def _failed_in_a_row(count: int, error: StorageError) -> UserError:
    return UserError(
        f"stopped: {count:,} consecutive tracks cannot be read. For example {printable(str(error))}",
        f"check the network and AWS_ENDPOINT_URL, then start again; {_NEVER}",
    )


def _permission(uri: str, readers: str) -> str:
    if not is_s3(uri):
        return f"allow the user of {readers} to read these files"
    bucket = printable(split_s3(uri)[0])
    return (
        f"allow the credentials of {readers} to read s3://{bucket}: s3:GetObject on arn:aws:s3:::{bucket}/*, as in "
        "cluster/aws/s3-policy.json, and kms:Decrypt if the objects are encrypted with a key; a requester-pays bucket "
        "needs --set request_payer=requester"
    )
