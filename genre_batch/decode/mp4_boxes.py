"""The boxes of an MP4 or M4A file (ISO 14496-12), as far as their sizes tell whether the file is whole."""

from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.byte_source import read_at
from genre_batch.decode.ranged_file import expect
from genre_batch.decode.rejected import rejected, require_bytes
from genre_batch.decode.spliced_file import Part

_MOST_BOXES = 1000
_LIKELY_INDEX_BYTES = 64 * 1024


def find_index(source: BinaryIO, size_bytes: int) -> Part | None:
    """Where the box `moov` is, with its header of 8 bytes; None if it is missing or cut."""
    at = 0
    for _ in range(_MOST_BOXES):
        expect(source, at, at + _LIKELY_INDEX_BYTES)
        head = read_at(source, at, 16) if at < size_bytes else b""
        if len(head) < 8:
            return None
        length = _box_bytes(head, size_bytes - at)
        if head[4:8] == b"moov":
            whole = at + length <= size_bytes and head[:4] != b"\0\0\0\1"
            return Part(at, at + length) if whole else None
        at += max(8, length)
    return None


def require_boxes(source: BinaryIO, size_bytes: int) -> None:
    """Check that the file has the boxes `moov` (the index) and `mdat` (the samples) and that they end within it.

    Raises TrackRejected: `truncated`, or `corrupt` where there is no index at all.
    """
    at, seen = 0, set()
    for _ in range(_MOST_BOXES):
        head = read_at(source, at, 16) if at < size_bytes else b""
        if len(head) < 8:
            break
        kind, length = head[4:8], _box_bytes(head, size_bytes - at)
        if kind in (b"moov", b"mdat"):
            require_bytes(f"the box {kind.decode()}", length, size_bytes - at)
        seen.add(kind)
        if kind == b"moof" and b"mdat" in seen:  # the rest are fragments, up to thousands: only reading all could tell
            break
        at += max(8, length)
    if b"moov" not in seen:
        raise rejected(RejectReason.CORRUPT, "an MP4 file without a moov box: there is no index of its samples")
    if b"mdat" not in seen:
        raise rejected(RejectReason.TRUNCATED, "an MP4 file that ends before its samples begin")


def _box_bytes(head: bytes, rest_bytes: int) -> int:
    """Length of the box, with its header; 0 in the file means up to the end, 1 a 64-bit length."""
    short = int.from_bytes(head[:4], "big")
    if short == 1:
        return int.from_bytes(head[8:16], "big")
    return short or rest_bytes
