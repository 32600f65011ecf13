"""Sony Wave64, whose chunks are named by GUIDs."""

from typing import BinaryIO

from genre_batch.decode.audio_format import (
    ADPCM_CODECS,
    MPEG_CODECS,
    PCM_CODECS,
    Checked,
    Format,
    Libav,
    Libsndfile,
    at_start,
)
from genre_batch.decode.chunks import FEW_CHUNKS, Chunk, present_bytes, require_samples, unless_streamed
from genre_batch.storage.ranged_file import read_at

_CODECS = ADPCM_CODECS | MPEG_CODECS | PCM_CODECS
_RIFF = bytes.fromhex("726966662E91CF11A5D628DB04C10000")
_DATA = bytes.fromhex("64617461F3ACD3118CD100C04F8EDB8A")


def find_samples(source: BinaryIO, size_bytes: int) -> Chunk | None:
    """The `data` chunk; None if there is none."""
    at = 40
    for _ in range(FEW_CHUNKS):
        head = read_at(source, at, 24) if at < size_bytes else b""
        if len(head) < 24:
            return None
        declared = int.from_bytes(head[16:], "little")
        if head[:16] == _DATA:
            return Chunk(at + 24, unless_streamed(max(0, declared - 24)))
        at += max(24, -(-declared // 8) * 8)
    return None


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the `data` chunk with the file."""
    require_samples(find_samples(source, size_bytes), size_bytes)
    return Checked()


def content_end(source: BinaryIO, size_bytes: int) -> int:
    """The end of the `data` chunk: libsndfile takes whatever follows for samples."""
    samples = find_samples(source, size_bytes)
    return size_bytes if samples is None else samples.offset + present_bytes(samples, size_bytes)


FORMATS = (
    Format(
        "w64",
        sniff=lambda head: at_start(head[:16] == _RIFF),
        decoders=(Libsndfile(), Libav("w64", _CODECS, counted=True)),
        check_whole=check_whole,
        content_end=content_end,
    ),
)
