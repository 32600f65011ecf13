"""WAV in both byte orders (RIFF, RIFX), and RF64 or BW64 for more than 4 GiB."""

import struct
from importlib import import_module
from typing import BinaryIO, Literal

from genre_batch.decode.audio_format import (
    ADPCM_CODECS,
    PCM_CODECS,
    Checked,
    Format,
    Joined,
    Libav,
    Libsndfile,
    Link,
    Location,
    Spans,
    at_start,
)
from genre_batch.decode.chunks import (
    Chunk,
    find_chunk,
    locate_samples,
    present_bytes,
    require_samples,
    unless_streamed,
)
from genre_batch.decode.joined_files import check_parts, parts_by_length
from genre_batch.storage.ranged_file import read_at
from genre_batch.storage.spliced_file import ByteRange, splice

_DECODERS = (Libsndfile(), Libav("wav", ADPCM_CODECS | PCM_CODECS, counted=True))
_INNER = {0x50: "mp3", 0x55: "mp3", 0x2000: "ac3"}
"""The formats whose frames a file may contain, by the tag in the `fmt ` chunk, and the module that knows each."""
_WIDE = (b"RF64", b"BW64")
_WRAPS_AT = 1 << 32
_MIN_SAMPLE_BYTES = 4096


def find_samples(source: BinaryIO, size_bytes: int) -> Chunk | None:
    """The `data` chunk; None if there is none."""
    found = find_chunk(source, size_bytes, b"data", _byte_order(source))
    if found is None:
        return None
    if read_at(source, 0, 4) in _WIDE:
        ds64 = read_at(source, 12, 24)
        if ds64[:4] == b"ds64" and len(ds64) == 24 and found.declared_bytes is None:
            return Chunk(found.offset, unless_streamed(struct.unpack_from("<Q", ds64, 16)[0]))
        return found
    wrapped = found.declared_bytes is not None and size_bytes - found.offset - found.declared_bytes >= _WRAPS_AT
    return Chunk(found.offset, None) if wrapped else found


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the `data` chunk with the file. Each of several joined files is decoded on its own."""
    parts = parts_by_length(source, size_bytes, _byte_order(source))
    if len(parts) > 1:
        return check_parts(source, parts, _check_one, _DECODERS)
    return _check_one(source, size_bytes)


def _check_one(source: BinaryIO, size_bytes: int) -> Checked:
    """If the declared length is a placeholder or has wrapped at 4 GiB, the samples extend to the end of the file.

    libsndfile, which would believe the header, gets to see one with that length. It would also read the last of several
    chunks with samples, so it does not see what follows the first.
    """
    samples = require_samples(find_samples(source, size_bytes), size_bytes)
    inner = _inner_format(source, size_bytes)
    if inner is not None:
        end = samples.offset + present_bytes(samples, size_bytes)
        return _check_inner(source, ByteRange(samples.offset, end), inner)
    magic = read_at(source, 0, 4)
    present = size_bytes - samples.offset
    if samples.declared_bytes is None and present > _MIN_SAMPLE_BYTES:
        header = _header(source, samples.offset, present)
        return Checked(decoders=(Joined((Link((*header, ByteRange(samples.offset, size_bytes)), _DECODERS),)),))
    if magic == b"BW64":
        return Checked(decoders=(Joined((Link((b"RF64", ByteRange(4, size_bytes)), _DECODERS),)),))
    end = samples.offset + present_bytes(samples, size_bytes)
    behind = find_chunk(source, size_bytes, b"data", _byte_order(source), end + (end - samples.offset) % 2)
    if samples.is_hidden or behind is not None:
        return Checked(decoders=(Joined((Link(_bare(source, samples, end), _DECODERS),)),))
    return Checked()


def _bare(source: BinaryIO, samples: Chunk, end: int) -> tuple[ByteRange, ...]:
    """The file with only the chunks that decoders need."""
    layout = find_chunk(source, samples.offset, b"fmt ", _byte_order(source))
    if not samples.is_hidden or layout is None or layout.declared_bytes is None:
        return (ByteRange(0, end),)
    layout_end = layout.offset + layout.declared_bytes
    return ByteRange(0, 12), ByteRange(layout.offset - 8, layout_end), ByteRange(samples.offset - 8, end)


def _inner_format(source: BinaryIO, size_bytes: int) -> Format | None:
    layout = find_chunk(source, size_bytes, b"fmt ", _byte_order(source))
    name = _INNER.get(_length_of(source, layout.offset) & 0xFFFF) if layout is not None else None
    return import_module(f"{__package__}.{name}").FORMATS[0] if name is not None else None


def _check_inner(source: BinaryIO, part: ByteRange, inner: Format) -> Checked:
    checked = inner.check_whole(splice(source, (part,)), len(part))
    link = Link((part,), checked.decoders or inner.decoders, checked.frames, checked.rate)
    return Checked(decoders=(Joined((link,)),))


def _header(source: BinaryIO, offset: int, length: int) -> tuple[ByteRange | bytes, ...]:
    """All that precedes the samples at `offset`, with `length` as the length of the chunk that has them."""
    if read_at(source, 12, 4) == b"ds64":
        ds64 = struct.pack("<4sI4sQQ", b"RF64", 0xFFFF_FFFF, b"WAVE", 0, 0)[:12]
        sizes = struct.pack("<4sIQQ", b"ds64", _length_of(source, 16), offset - 8 + length, length)
        return ds64 + sizes, ByteRange(36, offset - 4), b"\xff" * 4
    magic = read_at(source, 0, 4)
    if length < _WRAPS_AT - offset or magic == b"RIFX":
        order, length = ">" if magic == b"RIFX" else "<", min(length, _WRAPS_AT - 1 - offset)
        riff = struct.pack(f"{order}4sI", magic, offset - 8 + length)
        return riff, ByteRange(8, offset - 4), struct.pack(f"{order}I", length)
    ds64 = struct.pack("<4sI4s4sIQQQI", b"RF64", 0xFFFF_FFFF, b"WAVE", b"ds64", 28, offset + 28 + length, length, 0, 0)
    return ds64, ByteRange(12, offset - 4), b"\xff" * 4


def _length_of(source: BinaryIO, at: int) -> int:
    return int.from_bytes(read_at(source, at, 4), "little")


def locate(source: BinaryIO, size_bytes: int, spans: Spans) -> list[Location] | None:
    """By the mean bytes per second that the `fmt ` chunk declares."""
    layout = find_chunk(source, size_bytes, b"fmt ", _byte_order(source))
    samples = find_samples(source, size_bytes)
    if layout is None or samples is None:
        return None
    bytes_per_s = int.from_bytes(read_at(source, layout.offset + 8, 4), "little")
    return locate_samples(source, size_bytes, spans, samples, bytes_per_s)


def _byte_order(source: BinaryIO) -> Literal["little", "big"]:
    return "big" if read_at(source, 0, 4) == b"RIFX" else "little"


FORMATS = (
    Format(
        "wav",
        sniff=lambda head: at_start(head[:4] in (b"RIFF", b"RIFX") and head[8:12] == b"WAVE"),
        decoders=_DECODERS,
        check_whole=check_whole,
        locate=locate,
    ),
    Format(
        "rf64",
        sniff=lambda head: at_start(head[:4] in _WIDE and head[8:12] == b"WAVE"),
        decoders=_DECODERS,
        check_whole=check_whole,
        locate=locate,
    ),
)
