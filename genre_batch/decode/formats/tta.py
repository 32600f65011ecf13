"""True Audio (TTA1)."""

import struct
from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import Checked, Format, Libav, at_start
from genre_batch.decode.rejected import rejected, require_bytes
from genre_batch.decode.tags import before_plain_tags
from genre_batch.storage.ranged_file import read_at

_HEADER = struct.Struct("<4sHHHIII")
_MAX_FRAMES = 1 << 20


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the lengths of the frames in the seek table with the file."""
    head = read_at(source, 0, _HEADER.size)
    if len(head) < _HEADER.size:
        raise rejected(RejectReason.TRUNCATED, "the TTA header is cut")
    _, _, _, _, sample_rate, samples, _ = _HEADER.unpack(head)
    frame_samples = sample_rate * 256 // 245
    frames = -(-samples // frame_samples) if frame_samples else 0
    if not 0 < frames <= _MAX_FRAMES:
        raise rejected(RejectReason.CORRUPT, f"a TTA file of {frames} frames")
    table = read_at(source, _HEADER.size, 4 * frames)
    if len(table) < 4 * frames:
        raise rejected(RejectReason.TRUNCATED, "the TTA seek table is cut")
    audio_bytes = sum(struct.unpack(f"<{frames}I", table))
    require_bytes("the TTA seek table", audio_bytes, size_bytes - _HEADER.size - len(table) - 4)
    return Checked(frames=samples)


FORMATS = (
    Format(
        "tta",
        sniff=lambda head: at_start(head[:4] == b"TTA1"),
        decoders=(Libav("tta", frozenset({"tta"})),),
        check_whole=check_whole,
        content_end=before_plain_tags,
    ),
)
