"""One unit of work against S3: retried if that can help, with errors that say in one sentence what is wrong."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's own, which is no OSError)
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    ResponseStreamingError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential
from urllib3.exceptions import ProtocolError
from urllib3.exceptions import ReadTimeoutError as SocketTimeoutError

from genre_batch.storage import s3_client
from genre_batch.storage.store import (
    AccessDenied,
    Archived,
    NoConnection,
    NoCredentials,
    ObjectChanged,
    ObjectGone,
    ReadFailed,
    StorageError,
    WriteFailed,
)
from genre_batch.storage.uri import split_s3

Result = TypeVar("Result")

_UNITS = 5
_SILENCES = 3
_LONGEST_KEY_BYTES = 1024
_PASSING_CODES = frozenset({"BadDigest", "ConditionalRequestConflict", "OperationAborted", "RequestTimeout"})
_EXPIRED = (
    "the AWS credentials have expired",
    "renew them, for example with `aws sso login`; long runs need a role, whose credentials are renewed by themselves",
)
_UNKNOWN = (
    "the S3 server does not know these AWS credentials",
    "check AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_ENDPOINT_URL; `aws sts get-caller-identity` shows what is in use",
)
_WRONG_CLOCK = (
    "the clock of this machine differs too much from that of the S3 server",
    "set the clock, for example with `timedatectl set-ntp true`; S3 allows 15 minutes",
)
_CREDENTIAL_CODES = {
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "InvalidAccessKeyId": _UNKNOWN,
    "InvalidToken": _UNKNOWN,
    "RequestTimeTooSkewed": _WRONG_CLOCK,
}
"""What is wrong and what to do about it, by error code; these codes are answers to every request."""
_LOGIN = "log in again, for example with `aws sso login`"
_NO_KEYS = "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run under a role"
_SECRET = "check AWS_SECRET_ACCESS_KEY: it does not seem to belong to the access key"
_RESTORE = "restore it, for example with `aws s3api restore-object`"
_CREDENTIAL_ERRORS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)


class ShortBody(Exception):
    """A response had fewer or more bytes than it announced."""


def attempt(unit: Callable[[], Result], uri: str, failed: type[ReadFailed | WriteFailed]) -> Result:
    """What `unit` returns. It is tried up to five times, and botocore tries each of its requests up to five times.

    No attempt starts after three read timeouts (60 s), since a read has to end before the deadline of its batch. Raises
    the matching StorageError with `uri` in its message, or `failed` if no other one matches.
    """
    try:
        return Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(_UNITS) | stop_after_delay(_SILENCES * s3_client.READ_TIMEOUT_S),
            wait=wait_random_exponential(multiplier=0.5, max=8),
            reraise=True,
        )(unit)
    except (BotoCoreError, ClientError, ResponseParserError, ShortBody) as error:
        raise as_storage_error(error, uri, failed) from error


def status_of(error: ClientError) -> int:
    """The HTTP status of the response."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def code_of(error: ClientError) -> str:
    """The error code of S3, e.g. NoSuchKey; the status in digits if the response had no body."""
    return error.response.get("Error", {}).get("Code", "")


def is_about_credentials(error: ClientError) -> bool:
    """Whether every request with these credentials gets this answer, whatever its object."""
    return code_of(error) in _CREDENTIAL_CODES


def as_storage_error(error: Exception, uri: str, failed: type[ReadFailed | WriteFailed]) -> StorageError:
    """`error` as a StorageError, without any text of the server, which may contain key material."""
    verb = "read" if failed is ReadFailed else "written"
    if isinstance(error, ClientError):
        return _refused(error, uri, failed, verb)
    if isinstance(error, ProfileNotFound):
        message = f"{uri!r} cannot be {verb}: AWS profile {error.kwargs['profile']!r} not found."
        return NoCredentials(message, "set AWS_PROFILE to one that `aws configure list-profiles` shows")
    if isinstance(error, _CREDENTIAL_ERRORS):
        hint = _LOGIN if isinstance(error, SSOError | TokenRetrievalError) else _NO_KEYS
        return NoCredentials(f"{uri!r} cannot be {verb}: there are no AWS credentials ({type(error).__name__}).", hint)
    if isinstance(error, ParamValidationError):
        return _impossible(uri, failed, verb)
    if isinstance(error, ConnectionError):
        kind = failed if failed is WriteFailed or _has_own_server(uri) else NoConnection
        return kind(f"{uri!r} cannot be {verb}: no connection to the S3 server ({type(error).__name__}).")
    return failed(f"{uri!r} cannot be {verb}: the transfer kept breaking off ({type(error).__name__}).")


def _refused(error: ClientError, uri: str, failed: type[ReadFailed | WriteFailed], verb: str) -> StorageError:
    code, status = code_of(error), status_of(error)
    if code == "NoSuchBucket":
        return ObjectGone(f"The bucket of {uri!r} does not exist.")
    if status == 404:
        return ObjectGone(f"{uri!r} does not exist.")
    if status == 412:
        return ObjectChanged(f"{uri!r} has changed since it was listed.")
    if is_about_credentials(error):
        wrong, hint = _CREDENTIAL_CODES[code]
        return NoCredentials(f"{uri!r} cannot be {verb}: {wrong} ({code}).", hint)
    if code == "InvalidObjectState":
        return Archived(f"{uri!r} is archived and has to be restored first.", _RESTORE)
    if status in (401, 403):
        hint = _SECRET if code == "SignatureDoesNotMatch" else ""
        return AccessDenied(f"{uri!r} cannot be {verb}: access denied ({code}).", hint)
    if status == 400 and len(split_s3(uri)[1].encode()) > _LONGEST_KEY_BYTES:
        return _impossible(uri, failed, verb)
    return failed(f"{uri!r} cannot be {verb}: the S3 server answered {code or status}.")


def _impossible(uri: str, failed: type[ReadFailed | WriteFailed], verb: str) -> StorageError:
    """The error for a name that no object can have."""
    kind = ObjectGone if failed is ReadFailed else failed
    return kind(f"{uri!r} cannot be {verb}: S3 allows no such bucket name or key.")


def _has_own_server(uri: str) -> bool:
    """Whether the bucket is an access point or a directory bucket, whose name decides the server."""
    bucket, _ = split_s3(uri)
    return bucket.startswith("arn:") or bucket.endswith("--x-s3")


def _may_pass(error: BaseException) -> bool:
    """Whether another attempt may succeed. Not without a connection: botocore has already tried five times."""
    if isinstance(error, ClientError):
        return status_of(error) >= 500 or status_of(error) == 429 or code_of(error) in _PASSING_CODES
    return isinstance(error, HTTPClientError | IncompleteReadError | ResponseParserError | ShortBody)


if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from urllib3 import HTTPResponse

_PIECE_BYTES = 1 << 20
_LEAST_BYTES_PER_S = 4096
"""Far below the speed of any link over which a catalog can be scored, even if many reads share it."""
_NOWHERE = ""
"""Our own errors do not repeat the endpoint."""


def read_body(body: "StreamingBody") -> bytes:
    """All bytes of a body, which is then closed.

    Raises ReadTimeoutError if the server sends nothing for `READ_TIMEOUT_S`, or less than 4 KiB/s during that time, and
    ResponseStreamingError if the body breaks off.
    """
    pieces, speed = [], _SpeedCheck()
    try:
        with body as wrapped:
            # botocore's `read` waits for all requested bytes; `read1` of what it wraps returns those that have arrived
            stream = cast("HTTPResponse", wrapped)
            while piece := stream.read1(_PIECE_BYTES):
                pieces.append(piece)
                speed.note(len(piece))
    except SocketTimeoutError as error:
        raise ReadTimeoutError(endpoint_url=_NOWHERE, error=error) from error
    except ProtocolError as error:
        raise ResponseStreamingError(error=error) from error
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class _SpeedCheck:
    """Checks every `READ_TIMEOUT_S` how fast a server sends."""

    def __init__(self) -> None:
        self._since_s, self._bytes = time.monotonic(), 0

    def note(self, size_bytes: int) -> None:
        """Count received bytes. Raises ReadTimeoutError if they arrive too slowly."""
        self._bytes += size_bytes
        took_s = time.monotonic() - self._since_s
        if took_s < s3_client.READ_TIMEOUT_S:
            return
        if self._bytes < took_s * _LEAST_BYTES_PER_S:
            raise ReadTimeoutError(endpoint_url=_NOWHERE, error=f"{self._bytes} bytes in {took_s:.0f} s")
        self._since_s, self._bytes = time.monotonic(), 0
