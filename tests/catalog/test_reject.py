"""Reasons of rejects, and the text that goes with them."""

import pytest

from genre_batch.catalog.reject import TRANSIENT, RejectReason, RejectStage, TrackRejected, printable


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("plain – text", "plain – text"),
        ("two\nlines\r\tand \x1b[31mred", "two\\nlines\\r\\tand \\x1b[31mred"),
        ("right to left \u202e", "right to left \\u202e"),
    ],
)
def test_control_characters_are_escaped(text: str, printed: str) -> None:
    assert printable(text) == printed


def test_long_text_is_cut() -> None:
    assert printable("x" * 500) == "x" * 500
    assert printable("x" * 501) == "x" * 499 + "…"
    assert len(printable("\x00" * 500)) == 500


def test_a_rejected_track_carries_its_reason_stage_and_a_printable_message() -> None:
    rejected = TrackRejected(RejectReason.CORRUPT, RejectStage.DECODE, "bad\x00byte")
    assert (rejected.reject.reason, rejected.reject.stage) == ("corrupt", "decode")
    assert rejected.reject.message == "bad\\x00byte"


def test_reasons_that_concern_the_bytes_are_permanent() -> None:
    assert not TRANSIENT & {
        RejectReason.EMPTY,
        RejectReason.TRUNCATED,
        RejectReason.UNSUPPORTED,
        RejectReason.CORRUPT,
        RejectReason.SILENT,
        RejectReason.DECODER_CRASH,
    }
