import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from genre_batch.storage import s3_client
from genre_batch.storage.s3_attempts import ShortBody, attempt, explained
from genre_batch.storage.store import (
    AccessDenied,
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
        (refusal("InvalidObjectState", 403), AccessDenied, "archived"),
        (refusal("ExpiredToken", 400), NoCredentials, "credentials"),
        (refusal("InvalidAccessKeyId", 403), NoCredentials, "credentials"),
        (refusal("KeyTooLongError", 400), ReadFailed, "KeyTooLongError"),
        (NoCredentialsError(), NoCredentials, "credentials"),
        (ParamValidationError(report="x"), ObjectGone, "no such bucket name"),
        (EndpointConnectionError(endpoint_url="http://a"), NoConnection, "no connection"),
        (ReadTimeoutError(endpoint_url="http://a"), ReadFailed, "breaking off"),
        (ShortBody(), ReadFailed, "breaking off"),
    ],
)
def test_each_error_is_one_sentence_that_names_the_uri(error: Exception, expected: type, words: str) -> None:
    told = explained(error, URI, ReadFailed)
    assert type(told) is expected
    text = str(told)
    assert words in text
    assert repr(URI).strip("'") in text
    assert text.endswith(".")
    assert "\n" not in text
    assert "AKIASECRET" not in text


@pytest.mark.parametrize("bucket", ["arn:aws:s3:nowhere-1:123456789012:accesspoint:x", "x--nowhere-az1--x-s3"])
def test_a_bucket_that_names_its_server_tells_nothing_of_the_others(bucket: str) -> None:
    error = EndpointConnectionError(endpoint_url="http://a")
    assert type(explained(error, f"s3://{bucket}/a", ReadFailed)) is ReadFailed
    assert type(explained(error, "s3://music/a", WriteFailed)) is WriteFailed


def test_a_key_that_is_too_long_is_gone_though_a_head_has_no_code() -> None:
    error, written = refusal("400", 400), refusal("KeyTooLongError", 400)
    assert type(explained(error, f"s3://music/{'é' * 513}", ReadFailed)) is ObjectGone
    assert type(explained(error, f"s3://music/{'é' * 512}", ReadFailed)) is ReadFailed
    assert type(explained(written, f"s3://music/{'é' * 513}", WriteFailed)) is WriteFailed


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
def test_a_unit_is_tried_again_only_where_that_can_help(monkeypatch, error: Exception, units: int) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    calls = []

    def unit() -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(explained(error, URI, WriteFailed))):
        attempt(unit, URI, WriteFailed)
    assert len(calls) == units


def test_no_unit_is_begun_late(monkeypatch) -> None:
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_S", 0)
    calls = []

    def unit() -> None:
        calls.append(1)
        raise ReadTimeoutError(endpoint_url="http://a")

    with pytest.raises(ReadFailed):
        attempt(unit, URI, ReadFailed)
    assert len(calls) == 1
