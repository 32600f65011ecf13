"""Apple's Core Audio Format."""

from typing import BinaryIO

from genre_batch.decode.audio_format import (
    ADPCM_CODECS,
    MPEG_CODECS,
    PCM_CODECS,
    Checked,
    Format,
    Joined,
    Libav,
    Libsndfile,
    Link,
    at_start,
)
from genre_batch.decode.chunks import FEW_CHUNKS, Chunk, require_samples, unless_streamed
from genre_batch.storage.ranged_file import read_at
from genre_batch.storage.spliced_file import ByteRange

_OPEN = (1 << 64) - 1
_CODECS = (
    frozenset({"aac", "ac3", "alac", "flac", "opus", "libopus", "amrnb", "libopencore_amrnb"})
    | ADPCM_CODECS
    | MPEG_CODECS
    | PCM_CODECS
)

_DECODERS = (Libsndfile(), Libav("caf", _CODECS))


def find_samples(source: BinaryIO, size_bytes: int) -> Chunk | None:
    """The `data` chunk; None if there is none."""
    at = 8
    for _ in range(FEW_CHUNKS):
        head = read_at(source, at, 12) if at < size_bytes else b""
        if len(head) < 12:
            return None
        declared = int.from_bytes(head[4:], "big")
        if head[:4] == b"data":
            return Chunk(at + 12, None if declared == _OPEN else unless_streamed(declared))
        at += 12 + declared
    return None


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the `data` chunk with the file.

    If its length is a placeholder, the samples extend to the end of the file, which one placeholder says to decoders.
    """
    samples = require_samples(find_samples(source, size_bytes), size_bytes)
    if samples.declared_bytes is not None:
        return Checked()
    pieces = (ByteRange(0, samples.offset - 8), _OPEN.to_bytes(8, "big"), ByteRange(samples.offset, size_bytes))
    return Checked(decoders=(Joined((Link(pieces, _DECODERS),)),))


FORMATS = (
    Format(
        "caf",
        sniff=lambda head: at_start(head[:4] == b"caff" and head[8:12] == b"desc"),
        decoders=_DECODERS,
        check_whole=check_whole,
    ),
)
