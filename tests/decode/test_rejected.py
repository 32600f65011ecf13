"""Promised and present bytes."""

import pytest

from genre_batch.catalog.reject import RejectReason, Stage, TrackRejected
from genre_batch.decode.rejected import rejected, require_bytes


def test_rejects_are_of_the_decode_stage() -> None:
    reject = rejected(RejectReason.CORRUPT, "bad\n").reject
    assert (reject.reason, reject.stage, reject.message) == (RejectReason.CORRUPT, Stage.DECODE, "bad\\n")


@pytest.mark.parametrize(("declared", "present"), [(0, 0), (100, 500), (5000, 904), (10**9, 10**9 - 10**6)])
def test_a_little_may_be_missing(declared: int, present: int) -> None:
    require_bytes("it", declared, present)


@pytest.mark.parametrize(("declared", "present"), [(5000, 903), (10**9, 10**9 - 10**6 - 1), (2**64, 100)])
def test_more_is_truncated(declared: int, present: int) -> None:
    with pytest.raises(TrackRejected, match="declares") as caught:
        require_bytes("it", declared, present)
    assert caught.value.reject.reason is RejectReason.TRUNCATED
