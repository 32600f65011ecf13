"""Consecutive failures point to the set-up, single ones to the tracks."""

from collections.abc import Sequence

import pytest

from genre_batch.catalog.failure_streak import FailureStreak
from genre_batch.errors import UserError
from genre_batch.storage.store import AccessDenied, NoCredentials, ReadFailed, StorageError

DENIED = AccessDenied("'s3://music/a\n' cannot be read: access denied (403).")
FAILED = ReadFailed("'s3://music/a' cannot be read: the S3 server answered 503.")


def note(errors: Sequence[StorageError | None], most: int | None = 3, uri: str = "s3://music/a\n") -> int:
    """How many objects were tolerated."""
    failures = FailureStreak(most)
    for error in errors:
        failures.note(uri, error)
    return len(errors)


def test_failures_that_are_not_consecutive_or_of_different_kinds_are_tolerated() -> None:
    assert note([DENIED, DENIED, None] * 5) == 15
    assert note([DENIED, DENIED, FAILED, FAILED] * 5) == 20
    assert note([None] * 5) == 5
    assert note([DENIED] * 50, most=None) == 50


def test_denied_access_is_reported_as_a_run_reports_it() -> None:
    with pytest.raises(UserError) as ended:
        note([None, DENIED, DENIED, DENIED])
    assert str(ended.value) == (
        r"stopped: no permission to read 3 consecutive tracks. For example s3://music/a\n: "
        r"'s3://music/a\n' cannot be read: access denied (403). (access_denied)"
    )
    assert "allow the credentials of this process to read s3://music: s3:GetObject" in ended.value.hint
    assert "run" not in ended.value.hint.partition(";")[0]


def test_a_known_remedy_takes_the_place_of_permissions() -> None:
    expired = NoCredentials("'s3://music/a' cannot be read: the AWS credentials have expired.", "renew them")
    with pytest.raises(UserError) as ended:
        note([expired] * 3)
    assert ended.value.hint.startswith("renew them, then start again; ")


def test_for_local_files_the_hint_does_not_mention_buckets() -> None:
    with pytest.raises(UserError) as ended:
        note([DENIED] * 3, uri="/music/a")
    assert ended.value.hint.startswith("allow the user of this process to read these files, then start again; ")


def test_consecutive_read_failures_point_to_the_network() -> None:
    with pytest.raises(UserError, match=r"3 consecutive tracks cannot be read\. .* answered 503") as ended:
        note([DENIED, FAILED, FAILED, FAILED])
    assert "AWS_ENDPOINT_URL" in ended.value.hint
