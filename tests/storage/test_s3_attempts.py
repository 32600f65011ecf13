"""Errors, retries and bodies that arrive fast, slowly, too slowly or break off; test_s3_faults.py uses sockets."""

import io

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProfileNotFound,
    ReadTimeoutError,
    ResponseStreamingError,
    UnauthorizedSSOTokenError,
)
from botocore.response import StreamingBody
from urllib3 import HTTPResponse

from genre_batch.storage import s3_attempts, s3_client
from genre_batch.storage.s3_attempts import ShortBody, as_storage_error, attempt, read_body
from genre_batch.storage.store import (
    AccessDenied,
    Archived,
    NoConnection,
    NoCredentials,
    ObjectChanged,
    ObjectGone,
    ReadFailed,
    WriteFailed,
)

URI = "s3://music/a\n.mp3"


def refusal(code: str, status: int) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "key AKIASECRET"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetObject")


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (refusal("NoSuchKey", 404), ObjectGone, "does not exist"),
        (refusal("404", 404), ObjectGone, "does not exist"),
        (refusal("NoSuchBucket", 404), ObjectGone, "bucket"),
        (refusal("PreconditionFailed", 412), ObjectChanged, "changed"),
        (refusal("AccessDenied", 403), AccessDenied, "access denied"),
        (refusal("Unauthorized", 401), AccessDenied, "access denied"),
        (refusal("InvalidObjectState", 403), Archived, "archived"),
        (refusal("ExpiredToken", 400), NoCredentials, "credentials"),
        (refusal("InvalidAccessKeyId", 403), NoCredentials, "credentials"),
        (refusal("KeyTooLongError", 400), ReadFailed, "KeyTooLongError"),
        (NoCredentialsError(), NoCredentials, "credentials"),
        (ProfileNotFound(profile="nope"), NoCredentials, "AWS profile 'nope' not found"),
        (ParamValidationError(report="x"), ObjectGone, "no such bucket name"),
        (EndpointConnectionError(endpoint_url="http://a"), NoConnection, "no connection"),
        (ReadTimeoutError(endpoint_url="http://a"), ReadFailed, "breaking off"),
        (ShortBody(), ReadFailed, "breaking off"),
    ],
)
def test_each_error_is_one_sentence_that_names_the_uri(error: Exception, expected: type, words: str) -> None:
    reported = as_storage_error(error, URI, ReadFailed)
    assert type(reported) is expected
    text = str(reported)
    assert words in text
    assert repr(URI).strip("'") in text
    assert text.endswith(".")
    assert "\n" not in text
    assert "AKIASECRET" not in text


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (refusal("ExpiredToken", 400), "aws sso login"),
        (refusal("RequestExpired", 400), "aws sso login"),
        (refusal("InvalidAccessKeyId", 403), "AWS_PROFILE"),
        (refusal("SignatureDoesNotMatch", 403), "AWS_SECRET_ACCESS_KEY"),
        (refusal("RequestTimeTooSkewed", 403), "set the clock"),
        (refusal("InvalidObjectState", 403), "aws s3api restore-object"),
        (ProfileNotFound(profile="nope"), "aws configure list-profiles"),
        (NoCredentialsError(), "AWS_ACCESS_KEY_ID"),
        (UnauthorizedSSOTokenError(), "aws sso login"),
    ],
)
def test_the_hint_names_the_remedy(error: Exception, remedy: str) -> None:
    assert remedy in as_storage_error(error, URI, ReadFailed).hint


@pytest.mark.parametrize("bucket", ["arn:aws:s3:nowhere-1:123456789012:accesspoint:x", "x--nowhere-az1--x-s3"])
def test_an_unreachable_access_point_does_not_mean_that_s3_is_unreachable(bucket: str) -> None:
    error = EndpointConnectionError(endpoint_url="http://a")
    assert type(as_storage_error(error, f"s3://{bucket}/a", ReadFailed)) is ReadFailed
    assert type(as_storage_error(error, "s3://music/a", WriteFailed)) is WriteFailed


def test_a_key_that_is_too_long_is_gone_even_if_the_response_has_no_code() -> None:
    error, written = refusal("400", 400), refusal("KeyTooLongError", 400)
    assert type(as_storage_error(error, f"s3://music/{'é' * 513}", ReadFailed)) is ObjectGone
    assert type(as_storage_error(error, f"s3://music/{'é' * 512}", ReadFailed)) is ReadFailed
    assert type(as_storage_error(written, f"s3://music/{'é' * 513}", WriteFailed)) is WriteFailed


@pytest.mark.parametrize(
    ("error", "units"),
    [
        (refusal("SlowDown", 503), 5),
        (refusal("InternalError", 500), 5),
        (refusal("TooManyRequests", 429), 5),
        (refusal("BadDigest", 400), 5),
        (refusal("ConditionalRequestConflict", 409), 5),
        (ReadTimeoutError(endpoint_url="http://a"), 5),
        (ShortBody(), 5),
        (refusal("NoSuchKey", 404), 1),
        (refusal("AccessDenied", 403), 1),
        (EndpointConnectionError(endpoint_url="http://a"), 1),
        (NoCredentialsError(), 1),
    ],
)
def test_a_unit_is_retried_only_if_that_can_help(monkeypatch, error: Exception, units: int) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    calls = []

    def unit() -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(as_storage_error(error, URI, WriteFailed))):
        attempt(unit, URI, WriteFailed)
    assert len(calls) == units


def test_no_unit_is_started_late(monkeypatch) -> None:
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_S", 0)
    calls = []

    def unit() -> None:
        calls.append(1)
        raise ReadTimeoutError(endpoint_url="http://a")

    with pytest.raises(ReadFailed):
        attempt(unit, URI, ReadFailed)
    assert len(calls) == 1


class Trickle(io.RawIOBase):
    """Returns a few bytes at a time while the clock advances."""

    def __init__(self, clock: "Clock", pieces: int, size_bytes: int, every_s: float) -> None:
        self._clock, self._pieces, self._bytes, self._every_s = clock, pieces, size_bytes, every_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if self._pieces == 0:
            return 0
        self._pieces -= 1
        self._clock.now_s += self._every_s
        buffer[: self._bytes] = bytes(self._bytes)
        return self._bytes


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(s3_attempts, "time", clock)
    return clock


def body_of(source: io.RawIOBase, length: int) -> StreamingBody:
    answer = HTTPResponse(io.BufferedReader(source), {"Content-Length": str(length)}, preload_content=False)
    return StreamingBody(answer, length)  # type: ignore[arg-type]


@pytest.mark.parametrize("size_bytes", [0, 1, 5_000_000])
def test_a_body_is_read_completely(size_bytes: int) -> None:
    data = bytes(range(250)) * (size_bytes // 250) or bytes(size_bytes)
    body = body_of(io.BytesIO(data), len(data))  # type: ignore[arg-type]
    assert read_body(body) == data
    assert body._raw_stream.closed


@pytest.mark.parametrize("every_s", [1.0, 19.0])
def test_a_trickle_of_bytes_counts_as_silence(clock: Clock, every_s: float) -> None:
    body = body_of(Trickle(clock, 1000, 1, every_s), 1000)
    with pytest.raises(ReadTimeoutError):
        read_body(body)
    assert clock.now_s - 100.0 < 2 * s3_client.READ_TIMEOUT_S
    assert body._raw_stream.closed


def test_a_fast_start_does_not_excuse_a_trickle(clock: Clock) -> None:
    fast, slow = Trickle(clock, 100, 8192, 0.0), Trickle(clock, 1000, 1, 1.0)
    fast.readinto = lambda buffer: Trickle.readinto(fast if fast._pieces else slow, buffer)  # type: ignore[method-assign]
    with pytest.raises(ReadTimeoutError):
        read_body(body_of(fast, 100 * 8192 + 1000))
    assert clock.now_s - 100.0 < 3 * s3_client.READ_TIMEOUT_S


def test_a_slow_link_may_take_as_long_as_it_needs(clock: Clock) -> None:
    assert read_body(body_of(Trickle(clock, 600, 5000, 1.0), 3_000_000)) == bytes(3_000_000)
    assert clock.now_s == 700.0


def test_a_body_that_breaks_off_is_reported(clock: Clock) -> None:
    with pytest.raises(ResponseStreamingError):
        read_body(body_of(Trickle(clock, 3, 100, 0.0), 1000))
