"""Tags in front of and behind audio: ID3, APE and Lyrics3. Only their lengths matter here."""

from functools import partial
from typing import BinaryIO

from genre_batch.storage.ranged_file import read_at, report_progress

_MAX_TAGS = 16
_LONGEST_FOOTER_BYTES = 32 * 1024
_MOST_BLOCK_BYTES = 1 << 20


def id3v2_bytes(head: bytes) -> int:
    """Length of the ID3v2 tag at the start of `head`, with header and footer; 0 if there is none."""
    if not _is_id3v2(head) or max(head[6:10]) > 0x7F:
        return 0
    body = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + body + (10 if head[5] & 0x10 else 0)


def plain_id3v2_bytes(head: bytes) -> int:
    """As `id3v2_bytes`, for tags of writers that use all eight bits of the bytes of the length."""
    return 10 + int.from_bytes(head[6:10], "big") if _is_id3v2(head) else 0


def apev2_header_bytes(head: bytes) -> int:
    """Length of the APEv2 tag at the start of `head`, with header and footer; 0 if there is none."""
    if head[:8] != b"APETAGEX" or len(head) < 32 or not head[23] & 0x20:
        return 0
    return 32 + int.from_bytes(head[12:16], "little")


def _is_id3v2(head: bytes) -> bool:
    return len(head) >= 10 and head[:3] == b"ID3" and head[3] != 0xFF


def before_tags(source: BinaryIO, size_bytes: int, *, zeros: bool = True) -> int:
    """The byte at which the tags and zeros at the end of the file begin; `size_bytes` if there are none.

    zeros: False for formats whose last bytes may be zeros. Zeros in front of a tag are then kept.
    """
    end = size_bytes
    for _ in range(_MAX_TAGS):
        start = max(0, end - _LONGEST_FOOTER_BYTES)
        length = _last_tag_bytes(read_at(source, start, end - start))
        before = end - length if length else _before_zeros(source, end) if zeros else end
        if not 0 < before < end:
            break
        end = before
    return end


before_plain_tags = partial(before_tags, zeros=False)
"""As `before_tags`, but zeros count as audio."""


def _last_tag_bytes(tail: bytes) -> int:
    """Length of the tag at the end of `tail`, which may begin before it; 0 if there is none."""
    if tail[-128:-125] == b"TAG":
        return 128 + (227 if tail[-355:-351] == b"TAG+" else 0)
    if tail[-32:-24] == b"APETAGEX":
        has_header = tail[-9] & 0x80
        return int.from_bytes(tail[-20:-16], "little") + (32 if has_header else 0)
    if tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
        return int(tail[-15:-9]) + 15
    if tail[-9:] == b"LYRICSEND":
        return max(0, len(tail) - tail.rfind(b"LYRICSBEGIN")) if b"LYRICSBEGIN" in tail else 0
    if tail[-10:-7] == b"3DI" and max(tail[-4:]) <= 0x7F:
        return id3v2_bytes(b"ID3" + tail[-7:])
    return 0


def _whole_footer(data: bytes) -> int:
    """The end of `data`, with the zeros that belong to a tag at its end."""
    for name, length in ((b"APETAGEX", 32), (b"TAG", 128)):
        at = data.rfind(name, max(0, len(data) - length))
        if at >= 0:
            return at + length
    return len(data)


def _before_zeros(source: BinaryIO, end: int) -> int:
    start, kept = last_block(source, end)
    return min(end, start + _whole_footer(kept)) if kept else 0


def last_block(source: BinaryIO, end: int) -> tuple[int, bytes]:
    """Where the last block before `end` that is not all zeros begins, and its bytes without the zeros at its end.

    Programs may pad a file with zeros. (0, b"") if there is nothing else. The first block is what tags are looked for
    in, so files without zeros take no further request; each block is twice as long as the one behind it.
    """
    length = _LONGEST_FOOTER_BYTES
    while end > 0:
        start = max(0, end - length)
        kept = read_at(source, start, end - start).rstrip(b"\0")
        if kept:
            return start, kept
        end, length = start, min(2 * length, _MOST_BLOCK_BYTES)
        report_progress(source)
    return 0, b""
