"""Failures one after the other are the set-up's; others are the tracks'."""

from collections.abc import Sequence

import pytest

from genre_batch.catalog.in_a_row import FailuresInARow
from genre_batch.errors import UserError
from genre_batch.storage.store import AccessDenied, ReadFailed, StorageError

DENIED = AccessDenied("'s3://music/a\n' cannot be read: access denied (403).")
FAILED = ReadFailed("'s3://music/a' cannot be read: the S3 server answered 503.")


def note(errors: Sequence[StorageError | None], most: int | None = 3, uri: str = "s3://music/a\n") -> int:
    """How many were let by."""
    failures = FailuresInARow(most)
    for error in errors:
        failures.note(uri, error)
    return len(errors)


def test_what_is_not_in_a_row_or_fails_in_two_ways_is_let_by() -> None:
    assert note([DENIED, DENIED, None] * 5) == 15
    assert note([DENIED, DENIED, FAILED, FAILED] * 5) == 20
    assert note([None] * 5) == 5
    assert note([DENIED] * 50, most=None) == 50


def test_denied_access_is_told_as_the_run_tells_it() -> None:
    with pytest.raises(UserError) as ended:
        note([None, DENIED, DENIED, DENIED])
    assert str(ended.value) == (
        r"stopped: 3 tracks in a row may not be read. For example s3://music/a\n: "
        r"'s3://music/a\n' cannot be read: access denied (403). (access_denied)"
    )
    assert "let the credentials of this process read s3://music: s3:GetObject" in ended.value.hint
    assert "run" not in ended.value.hint.partition(";")[0]


def test_denied_files_are_no_matter_of_buckets() -> None:
    with pytest.raises(UserError) as ended:
        note([DENIED] * 3, uri="/music/a")
    assert ended.value.hint.startswith("let the user of this process read these files, then start again; ")


def test_a_store_that_gives_nothing_is_a_matter_of_the_network() -> None:
    with pytest.raises(UserError, match=r"3 tracks in a row cannot be read\. .* answered 503") as ended:
        note([DENIED, FAILED, FAILED, FAILED])
    assert "AWS_ENDPOINT_URL" in ended.value.hint
