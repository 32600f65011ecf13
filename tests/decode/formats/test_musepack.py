"""How Musepack files are followed to their end. No encoder at hand writes them."""

import io
import struct

import pytest

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.formats.musepack import check_sv7, check_sv8

FRAMES, FRAME_BITS = 200, 3_001


def sv7() -> bytes:
    """Frames that begin with their length in 20 bits, in words whose bytes are stored in reverse."""
    bits = "".join(f"{FRAME_BITS:020b}" + "0" * FRAME_BITS for _ in range(FRAMES))
    stream = "0" * 8 + bits
    stream += "0" * (-len(stream) % 32)
    words = b"".join(int(stream[at : at + 32], 2).to_bytes(4, "little") for at in range(0, len(stream), 32))
    return (b"MP+\x07" + struct.pack("<I", FRAMES)).ljust(24, b"\0") + words


def packet(key: bytes, body: bytes) -> bytes:
    for width in (1, 2, 3):
        length = 2 + width + len(body)
        if length < 1 << 7 * width:
            places = [length >> 7 * place & 0x7F for place in reversed(range(width))]
            return key + bytes([*(place | 0x80 for place in places[:-1]), places[-1]]) + body
    raise ValueError("too long")


def sv8() -> bytes:
    header = bytes(4) + b"\x08" + bytes([0x80 | 529_200 >> 14 & 0x7F, 0x80 | 529_200 >> 7 & 0x7F, 529_200 & 0x7F])
    return b"MPCK" + packet(b"SH", header + b"\0\x08\x10") + packet(b"AP", bytes(5000)) * 8 + packet(b"SE", b"")


def reason(check, data: bytes) -> RejectReason:  # type: ignore[no-untyped-def]
    with pytest.raises(TrackRejected) as caught:
        check(io.BytesIO(data), len(data))
    return caught.value.reject.reason


def test_whole_files_pass() -> None:
    assert check_sv7(io.BytesIO(sv7()), len(sv7())).frames is None
    assert check_sv8(io.BytesIO(sv8()), len(sv8())).frames == 529_200


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_cut_files_are_truncated(part: float) -> None:
    for check, data in ((check_sv7, sv7()), (check_sv8, sv8())):
        assert reason(check, data[: int(len(data) * part)]) is RejectReason.TRUNCATED


def test_files_that_make_no_sense_are_corrupt() -> None:
    assert reason(check_sv7, b"MP+\x07" + bytes(100)) is RejectReason.CORRUPT
    assert reason(check_sv8, b"MPCK" + bytes(100)) is RejectReason.CORRUPT
