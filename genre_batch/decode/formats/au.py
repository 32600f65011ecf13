"""Sun's AU in both byte orders."""

import struct
from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import PCM_CODECS, Checked, Format, Joined, Libav, Libsndfile, Link, at_start
from genre_batch.decode.chunks import Chunk, require_samples, unless_streamed
from genre_batch.decode.rejected import rejected
from genre_batch.storage.ranged_file import read_at
from genre_batch.storage.spliced_file import ByteRange

_HEADER_BYTES = 24
_MOST = 0xFFFF_FFFE


def find_samples(source: BinaryIO) -> Chunk | None:
    """The samples; None if the header is cut."""
    head = read_at(source, 0, 12)
    if len(head) < 12:
        return None
    offset, declared = struct.unpack(">II" if head[:4] == b".snd" else "<II", head[4:])
    return Chunk(offset, unless_streamed(declared))


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the length in the header with the file.

    If it is a placeholder, the samples extend to the end of the file. libsndfile gets to see a header that says so.
    """
    samples = require_samples(find_samples(source), size_bytes)
    if samples.declared_bytes is not None or size_bytes <= _HEADER_BYTES:
        return Checked()
    if samples.offset > size_bytes:
        raise rejected(RejectReason.CORRUPT, f"the samples should begin at byte {samples.offset} of {size_bytes}")
    length = struct.pack(">I" if read_at(source, 0, 1) == b"." else "<I", min(size_bytes - samples.offset, _MOST))
    link = Link((ByteRange(0, 8), length, ByteRange(12, size_bytes)), _DECODERS)
    return Checked(decoders=(Joined((link,)),))


_DECODERS = (Libsndfile(), Libav("au", PCM_CODECS))
FORMATS = (
    Format(
        "au",
        sniff=lambda head: at_start(head[:4] in (b".snd", b"dns.")),
        decoders=_DECODERS,
        check_whole=check_whole,
    ),
)
