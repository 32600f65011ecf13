"""The boxes of MP4 files."""

import io

import pytest
from audio_samples import chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.mp4_boxes import require_boxes


def box(kind: bytes, body: bytes = b"", length: int | None = None) -> bytes:
    return (8 + len(body) if length is None else length).to_bytes(4) + kind + body


FTYP, MOOV, MDAT = box(b"ftyp", b"M4A "), box(b"moov", bytes(50)), box(b"mdat", bytes(100))


@pytest.mark.parametrize("encoding", ["m4a", "alac", "fragmented_m4a"])
def test_whole_files_pass(encoding: str) -> None:
    data = encode(chirp(2.0), 44_100, encoding)
    require_boxes(io.BytesIO(data), len(data))


@pytest.mark.parametrize(
    "data",
    [
        FTYP + MOOV + MDAT,
        FTYP + MDAT + MOOV,
        FTYP + MOOV + box(b"mdat", bytes(100), length=0),
        FTYP + MOOV + box(b"mdat", (120).to_bytes(8) + bytes(104), length=1),
        FTYP + MOOV + MDAT + bytes(3),
        FTYP + MOOV + MDAT + bytes(100),
    ],
)
def test_boxes_that_fit_pass(data: bytes) -> None:
    require_boxes(io.BytesIO(data), len(data))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (FTYP + MOOV + box(b"mdat", bytes(100), length=90_000), RejectReason.TRUNCATED),
        (FTYP + MOOV + box(b"mdat", (1 << 63).to_bytes(8), length=1), RejectReason.TRUNCATED),
        (FTYP + box(b"moov", bytes(100), length=90_000), RejectReason.TRUNCATED),
        (FTYP + MOOV, RejectReason.TRUNCATED),
        (FTYP + MDAT, RejectReason.CORRUPT),
        (FTYP, RejectReason.CORRUPT),
    ],
)
def test_what_is_missing_is_named(data: bytes, reason: RejectReason) -> None:
    with pytest.raises(TrackRejected) as caught:
        require_boxes(io.BytesIO(data), len(data))
    assert caught.value.reject.reason is reason
