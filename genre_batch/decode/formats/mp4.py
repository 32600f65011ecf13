"""MP4 and M4A (ISO 14496-12), with AAC, ALAC and other codecs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import (
    ADPCM_CODECS,
    MPEG_CODECS,
    PCM_CODECS,
    Checked,
    Format,
    Joined,
    Libav,
    Link,
    Location,
    Spans,
    at_start,
)
from genre_batch.decode.mp4_boxes import boxes, open_edits
from genre_batch.decode.rejected import rejected, require_bytes
from genre_batch.decode.search import PREROLL_S, SLACK_S
from genre_batch.storage.ranged_file import BLOCK_BYTES, expect, read_at
from genre_batch.storage.spliced_file import ByteRange

_CODECS = (
    frozenset({"aac", "ac3", "eac3", "alac", "opus", "libopus", "vorbis", "flac"})
    | frozenset({"amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb"})
    | ADPCM_CODECS
    | MPEG_CODECS
    | PCM_CODECS
)
_MAX_BOXES = 1000
_LIKELY_INDEX_BYTES = 64 * 1024
_PROBED_BYTES = 48 * 1024
"""What decoders read of the first samples when they open a file."""
_MAX_INDEX_BYTES = 16 << 20


def find_index(source: BinaryIO, size_bytes: int) -> ByteRange | None:
    """The box `moov` with its header of 8 bytes; None if it is missing or cut."""
    at = 0
    for _ in range(_MAX_BOXES):
        expect(source, at, at + _LIKELY_INDEX_BYTES)
        head = read_at(source, at, 16) if at < size_bytes else b""
        if len(head) < 8:
            return None
        length = _box_bytes(head, size_bytes - at)
        if head[4:8] == b"moov":
            whole = at + length <= size_bytes and head[:4] != b"\0\0\0\1"
            return ByteRange(at, at + length) if whole else None
        at += max(8, length)
    return None


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """The boxes `moov` (the index) and `mdat` (the samples) must be there, and end within the file.

    An edit of length 0 extends to the end of its track. libav would drop all its samples, so it sees its true length.
    """
    at, seen = 0, set()
    for _ in range(_MAX_BOXES):
        head = read_at(source, at, 16) if at < size_bytes else b""
        if len(head) < 8:
            break
        kind, length = head[4:8], _box_bytes(head, size_bytes - at)
        if kind in (b"moov", b"mdat"):
            require_bytes(f"the box {kind.decode()}", length, size_bytes - at)
        seen.add(kind)
        if (
            kind == b"moof" and b"mdat" in seen
        ):  # thousands of fragments may follow: only reading everything could check them
            break
        at += max(8, length)
    if b"moov" not in seen:
        raise rejected(RejectReason.CORRUPT, "an MP4 file without a moov box: there is no index of its samples")
    if b"mdat" not in seen:
        raise rejected(RejectReason.TRUNCATED, "an MP4 file that ends before its samples begin")
    index = find_index(source, size_bytes)
    edits = open_edits(read_at(source, index.start, len(index))) if index and len(index) <= _MAX_INDEX_BYTES else []
    if not edits or index is None:
        return Checked()
    ends = [index.start + at for at, _ in edits] + [size_bytes]
    pieces: list[ByteRange | bytes] = [ByteRange(0, ends[0])]
    for (at, until_end), end in zip(edits, ends[1:], strict=True):
        pieces += [until_end, ByteRange(index.start + at + len(until_end), end)]
    return Checked(decoders=(Joined((Link(tuple(pieces), _DECODERS),)),))


def _box_bytes(head: bytes, rest_bytes: int) -> int:
    """Length of the box with its header. In the file, 0 means up to the end, and 1 that a 64-bit length follows."""
    short = int.from_bytes(head[:4], "big")
    if short == 1:
        return int.from_bytes(head[8:16], "big")
    return short or rest_bytes


_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SampleTable:
    """The coded samples (packets) of one track. Times are in units of 1 / `timescale` s.

    durations: [n, 2] runs of (samples, time of each). chunks: [n, 2] runs of (first chunk, from 1; samples in each).
    sizes: [samples] bytes. offsets: [chunks] bytes from the start of the file.
    """

    timescale: int
    duration: int
    durations: _Ints
    chunks: _Ints
    sizes: _Ints
    offsets: _Ints

    def sample_at(self, second: float) -> int:
        """The sample that is heard at `second`."""
        time = max(0.0, second) * self.timescale
        ends = np.cumsum(self.durations[:, 0] * self.durations[:, 1])
        run = min(int(np.searchsorted(ends, time, side="right")), len(ends) - 1)
        count, each = (int(value) for value in self.durations[run])
        before = int(self.durations[:run, 0].sum())
        inside = int((time - (int(ends[run]) - count * each)) // max(1, each))
        return min(before + inside, len(self.sizes) - 1)

    def byte_of(self, sample: int) -> int:
        """The byte at which sample number `sample` begins."""
        after = len(self.offsets) + 1
        starts = np.maximum.accumulate(np.minimum(self.chunks[:, 0], after))  # forged numbers would take all memory
        in_chunk = np.repeat(self.chunks[:, 1], np.diff(starts, append=after))
        firsts = np.concatenate([[0], np.cumsum(in_chunk)])
        chunk = min(int(np.searchsorted(firsts, sample, side="right")) - 1, len(self.offsets) - 1)
        return int(self.offsets[chunk] + self.sizes[firsts[chunk] : sample].sum())


def locate(source: BinaryIO, size_bytes: int, spans: Spans) -> list[Location] | None:
    """By the sample tables; None without them, as in fragmented files. Samples are taken to be stored in order."""
    index = find_index(source, size_bytes)
    if index is None or len(index) > _MAX_INDEX_BYTES:
        return None
    expect(source, index.start, index.end + 2 * BLOCK_BYTES)
    table = sample_table(read_at(source, index.start, len(index)))
    if table is None:
        return None
    read_at(source, table.byte_of(0), _PROBED_BYTES)
    locations = []
    for span in spans(table.duration / table.timescale):
        start = table.byte_of(table.sample_at(span.start_s - PREROLL_S - SLACK_S))
        end = table.byte_of(table.sample_at(span.end_s + SLACK_S)) + 2 * BLOCK_BYTES
        part = ByteRange(start, min(size_bytes, end))
        expect(source, part.start, part.end)
        locations.append(Location(part))
    return locations


def sample_table(index: bytes) -> SampleTable | None:
    """The tables of the first audio track in the `moov` box `index`; None if they are missing or cut."""
    for track in (body for kind, body in _children(index[8:]) if kind == b"trak"):
        media = _child(track, b"mdia")
        if _child(media, b"hdlr")[8:12] == b"soun":
            tables = _child(_child(media, b"minf"), b"stbl")
            return _parse(_child(media, b"mdhd"), dict(_children(tables)))
    return None


def _parse(header: bytes, tables: dict[bytes, bytes]) -> SampleTable | None:
    at, width = (20, 8) if header[:1] == b"\1" else (12, 4)
    timescale = int.from_bytes(header[at : at + 4], "big")
    duration = int.from_bytes(header[at + 4 : at + 4 + width], "big")
    durations, chunks = _numbers(tables.get(b"stts", b""), 2), _numbers(tables.get(b"stsc", b""), 3)[:, :2]
    offsets = _numbers(tables.get(b"stco", b""), 1)[:, 0]
    if b"co64" in tables:
        offsets = _numbers(tables[b"co64"], 2) @ np.array([1 << 32, 1])
    sizes = _sizes(tables.get(b"stsz", b""))
    if not timescale or not all(map(len, (durations, chunks, offsets, sizes))):
        return None
    return SampleTable(timescale, duration, durations, chunks, sizes, offsets)


def _numbers(table: bytes, columns: int) -> _Ints:
    """The 32-bit numbers [n, columns] of a table that begins with its version and count."""
    rows = min(int.from_bytes(table[4:8], "big"), max(0, len(table) - 8) // (4 * columns))
    numbers = np.frombuffer(table[8 : 8 + 4 * rows * columns], ">u4")
    return numbers.astype(np.int64).reshape(rows, columns)


def _sizes(table: bytes) -> _Ints:
    same, count = int.from_bytes(table[4:8], "big"), int.from_bytes(table[8:12], "big")
    return np.full(min(count, 1 << 24), same, np.int64) if same else _numbers(table[4:], 1)[:, 0]


def _child(box: bytes, kind: bytes) -> bytes:
    return next((body for found, body in _children(box) if found == kind), b"")


def _children(box: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and the body of each box in the body of another box."""
    return ((child.kind, box[child.start : child.end]) for child in boxes(box))


_DECODERS = (Libav("mp4", _CODECS),)
FORMATS = (
    Format(
        "m4a",
        sniff=lambda head: at_start(head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide")),
        decoders=_DECODERS,
        check_whole=check_whole,
        locate=locate,
    ),
)
