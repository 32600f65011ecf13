"""Matroska and WebM (RFC 9559)."""

from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import MPEG_CODECS, PCM_CODECS, Checked, Format, Libav, at_start
from genre_batch.decode.rejected import rejected, require_bytes
from genre_batch.storage.ranged_file import read_at

_EBML, _SEGMENT, _CLUSTER = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"
_INFO, _DURATION = b"\x15\x49\xa9\x66", b"\x44\x89"
_MAX_ELEMENTS = 64
_CODECS = (
    frozenset({"aac", "ac3", "eac3", "alac", "flac", "opus", "libopus", "vorbis", "tta", "wavpack"})
    | MPEG_CODECS
    | PCM_CODECS
)


def _element(source: BinaryIO, at: int) -> tuple[bytes, int, int | None] | None:
    """The name, the byte of the content, and its length (None if the writer left it open) of the element at `at`."""
    head = read_at(source, at, 12)
    if len(head) < 2 or head[0] == 0:
        return None
    name_bytes = 9 - head[0].bit_length()
    if name_bytes > 4 or len(head) <= name_bytes or head[name_bytes] == 0:
        return None
    width = 9 - head[name_bytes].bit_length()
    field = head[name_bytes : name_bytes + width]
    length = int.from_bytes(field, "big") & (1 << 7 * width) - 1
    return head[:name_bytes], at + name_bytes + width, None if length == (1 << 7 * width) - 1 else length


def find_segment(source: BinaryIO, size_bytes: int) -> tuple[int, int | None] | None:
    """The byte at which the content of the segment begins, and its length; None if there is no segment."""
    at = 0
    for _ in range(_MAX_ELEMENTS):
        found = _element(source, at) if at < size_bytes else None
        if found is None:
            return None
        name, content, length = found
        if name == _SEGMENT:
            return content, length
        if length is None:
            return None
        at = content + length
    return None


def content_end(source: BinaryIO, size_bytes: int) -> int:
    """The end of the segment, which holds all that is heard."""
    segment = find_segment(source, size_bytes)
    return size_bytes if segment is None or segment[1] is None else min(size_bytes, segment[0] + segment[1])


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the segment with the file. Its length is unknown if the writer could not seek back."""
    segment = find_segment(source, size_bytes)
    if segment is None:
        raise rejected(RejectReason.CORRUPT, "the Matroska file has no segment")
    if segment[1] is not None:
        require_bytes("the segment", segment[1], size_bytes - segment[0])
    return Checked(decoders=() if _has_duration(source, segment[0]) else (Libav("matroska", _CODECS, counted=True),))


def _has_duration(source: BinaryIO, at: int) -> bool:
    """Whether the information on the segment, which begins at byte `at`, includes its duration."""
    inside_end: int | None = None
    for _ in range(_MAX_ELEMENTS):
        found = _element(source, at) if inside_end is None or at < inside_end else None
        if found is None or found[0] == _CLUSTER:
            return False
        name, content, length = found
        if name == _DURATION and inside_end is not None:
            return True
        if length is None:
            return False
        at = content if name == _INFO else content + length
        inside_end = content + length if name == _INFO else inside_end
    return False


FORMATS = (
    Format(
        "matroska",
        sniff=lambda head: at_start(head[:4] == _EBML),
        decoders=(Libav("matroska", _CODECS),),
        check_whole=check_whole,
        content_end=content_end,
    ),
)
