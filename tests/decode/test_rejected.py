"""Rejects, and declared against present bytes."""

import pytest

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.decode.rejected import rejected, require_bytes


def test_rejects_are_of_the_decode_stage() -> None:
    reject = rejected(RejectReason.CORRUPT, "bad\n").reject
    assert (reject.reason, reject.stage, reject.message) == (RejectReason.CORRUPT, RejectStage.DECODE, "bad\\n")


@pytest.mark.parametrize(("declared", "present"), [(5000, 904), (10**6, 10**6 - 4096), (10**9, 10**9 - 10**6)])
def test_a_little_may_be_missing_but_not_one_byte_more(declared: int, present: int) -> None:
    require_bytes("it", declared, present)
    with pytest.raises(TrackRejected):
        require_bytes("it", declared, present - 1)


@pytest.mark.parametrize(("declared", "present"), [(5000, 903), (10**9, 10**9 - 10**6 - 1), (2**64, 100)])
def test_more_is_truncated(declared: int, present: int) -> None:
    with pytest.raises(TrackRejected, match="declares") as caught:
        require_bytes("it", declared, present)
    assert caught.value.reject.reason is RejectReason.TRUNCATED
