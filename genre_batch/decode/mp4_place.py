"""Where the window of an MP4 or M4A file is, by the sample tables in its index (ISO 14496-12)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from genre_batch.decode.byte_source import read_at
from genre_batch.decode.mp4_boxes import find_index
from genre_batch.decode.place import SLACK_S, Place, Span
from genre_batch.decode.ranged_file import BLOCK_BYTES, expect
from genre_batch.decode.spliced_file import Part

_PREROLL_S = 0.5
_TRIED_BYTES = 48 * 1024
"""Of the first samples, which decoders try when they open a file."""
_MOST_INDEX_BYTES = 16 << 20
_MOST_CHILDREN = 1000

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SampleTable:
    """The coded samples (packets) of one track. Times in units of 1 / `timescale` s.

    durations: [n, 2] runs of (samples, time each). chunks: [n, 2] runs of (first chunk from 1, samples in each).
    sizes: [samples] bytes. offsets: [chunks] bytes from the start of the file.
    """

    timescale: int
    duration: int
    durations: _Ints
    chunks: _Ints
    sizes: _Ints
    offsets: _Ints

    def sample_at(self, second: float) -> int:
        """The sample that sounds at `second`."""
        time = max(0.0, second) * self.timescale
        ends = np.cumsum(self.durations[:, 0] * self.durations[:, 1])
        run = min(int(np.searchsorted(ends, time, side="right")), len(ends) - 1)
        count, each = (int(value) for value in self.durations[run])
        before = int(self.durations[:run, 0].sum())
        inside = int((time - (int(ends[run]) - count * each)) // max(1, each))
        return min(before + inside, len(self.sizes) - 1)

    def byte_of(self, sample: int) -> int:
        """The byte at which sample number `sample` begins."""
        behind = len(self.offsets) + 1
        starts = np.maximum.accumulate(np.minimum(self.chunks[:, 0], behind))  # forged ones would take all memory
        in_chunk = np.repeat(self.chunks[:, 1], np.diff(starts, append=behind))
        firsts = np.concatenate([[0], np.cumsum(in_chunk)])
        chunk = min(int(np.searchsorted(firsts, sample, side="right")) - 1, len(self.offsets) - 1)
        return int(self.offsets[chunk] + self.sizes[firsts[chunk] : sample].sum())


def place_mp4(source: BinaryIO, size_bytes: int, span: Span) -> Place | None:
    """The bytes of the window of an MP4 file, whose samples stand in order; None without tables (fragments)."""
    index = find_index(source, size_bytes)
    if index is None or len(index) > _MOST_INDEX_BYTES:
        return None
    expect(source, index.start, index.end + 2 * BLOCK_BYTES)
    table = sample_table(read_at(source, index.start, len(index)))
    if table is None:
        return None
    read_at(source, table.byte_of(0), _TRIED_BYTES)
    start_s, end_s = span(table.duration / table.timescale)
    start = table.byte_of(table.sample_at(start_s - _PREROLL_S - SLACK_S))
    end = table.byte_of(table.sample_at(end_s + SLACK_S)) + 2 * BLOCK_BYTES
    part = Part(start, min(size_bytes, end))
    expect(source, part.start, part.end)
    return Place(part)


def sample_table(index: bytes) -> SampleTable | None:
    """The tables of the first audio track in the `moov` box `index`; None where there are none or they are cut."""
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
    """The rows [n, columns] of 32-bit numbers behind a version and a count."""
    rows = min(int.from_bytes(table[4:8], "big"), max(0, len(table) - 8) // (4 * columns))
    numbers = np.frombuffer(table[8 : 8 + 4 * rows * columns], ">u4")
    return numbers.astype(np.int64).reshape(rows, columns)


def _sizes(table: bytes) -> _Ints:
    same, count = int.from_bytes(table[4:8], "big"), int.from_bytes(table[8:12], "big")
    return np.full(min(count, 1 << 24), same, np.int64) if same else _numbers(table[4:], 1)[:, 0]


def _child(box: bytes, kind: bytes) -> bytes:
    return next((body for found, body in _children(box) if found == kind), b"")


def _children(box: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and the body of each box inside the body of another."""
    at = 0
    for _ in range(_MOST_CHILDREN):
        length = int.from_bytes(box[at : at + 4], "big")
        if length < 8 or at + 8 > len(box):
            return
        yield box[at + 4 : at + 8], box[at + 8 : at + length]
        at += length
