"""One unit of work against S3: tried again where that can help, its errors told in one sentence."""

from collections.abc import Callable
from typing import TypeVar

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
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

from genre_batch.storage import s3_client
from genre_batch.storage.store import (
    AccessDenied,
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
_CREDENTIAL_CODES = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired"}
)
_CREDENTIAL_ERRORS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)


class ShortBody(Exception):
    """A response had another number of bytes than it announced."""


def attempt(unit: Callable[[], Result], uri: str, failed: type[ReadFailed | WriteFailed]) -> Result:
    """What `unit` returns. It is tried up to five times, each of its requests up to five times by botocore.

    None is begun after the time that a silent server takes three times: a read has to end before its batch's deadline.
    Raises the StorageError that fits, with `uri` in its message; `failed` where no other one does.
    """
    try:
        return Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(_UNITS) | stop_after_delay(_SILENCES * s3_client.READ_TIMEOUT_S),
            wait=wait_random_exponential(multiplier=0.5, max=8),
            reraise=True,
        )(unit)
    except (BotoCoreError, ClientError, ResponseParserError, ShortBody) as error:
        raise explained(error, uri, failed) from error


def status_of(error: ClientError) -> int:
    """The HTTP status that the server answered with."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def code_of(error: ClientError) -> str:
    """The error code of S3, e.g. NoSuchKey; the status in digits where the answer had no body."""
    return error.response.get("Error", {}).get("Code", "")


def explained(error: Exception, uri: str, failed: type[ReadFailed | WriteFailed]) -> StorageError:
    """`error` as ours, in one sentence without anything the server said, which may hold key material."""
    verb = "read" if failed is ReadFailed else "written"
    if isinstance(error, ClientError):
        return _refused(error, uri, failed, verb)
    if isinstance(error, _CREDENTIAL_ERRORS):
        return NoCredentials(f"{uri!r} cannot be {verb}: there are no AWS credentials ({type(error).__name__}).")
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
    if code in _CREDENTIAL_CODES:
        return NoCredentials(f"{uri!r} cannot be {verb}: the AWS credentials are not valid, or not any more ({code}).")
    if code == "InvalidObjectState":
        return AccessDenied(f"{uri!r} is archived and has to be restored first.")
    if status in (401, 403):
        return AccessDenied(f"{uri!r} cannot be {verb}: access denied ({code}).")
    if status == 400 and len(split_s3(uri)[1].encode()) > _LONGEST_KEY_BYTES:
        return _impossible(uri, failed, verb)
    return failed(f"{uri!r} cannot be {verb}: the S3 server answered {code or status}.")


def _impossible(uri: str, failed: type[ReadFailed | WriteFailed], verb: str) -> StorageError:
    """What no object can be called is not there."""
    kind = ObjectGone if failed is ReadFailed else failed
    return kind(f"{uri!r} cannot be {verb}: S3 allows no such bucket name or key.")


def _has_own_server(uri: str) -> bool:
    """Whether the bucket is an access point or a directory bucket: their names say which server is asked."""
    bucket, _ = split_s3(uri)
    return bucket.startswith("arn:") or bucket.endswith("--x-s3")


def _may_pass(error: BaseException) -> bool:
    """Whether another attempt may succeed. No connection at all is not among it: botocore has tried five times."""
    if isinstance(error, ClientError):
        return status_of(error) >= 500 or status_of(error) == 429 or code_of(error) in _PASSING_CODES
    return isinstance(error, HTTPClientError | IncompleteReadError | ResponseParserError | ShortBody)
