"""Files that are several of one format, one after another, as `cat` joins them."""

from collections.abc import Callable
from typing import BinaryIO, Literal

from genre_batch.decode.audio_format import Checked, Decoder, Joined, Link
from genre_batch.storage.ranged_file import read_at, report_progress
from genre_batch.storage.spliced_file import ByteRange, splice

_BLOCK_BYTES = 1 << 20
_MAX_PARTS = 1000

CheckWhole = Callable[[BinaryIO, int], Checked]


def check_parts(source: BinaryIO, parts: list[ByteRange], check: CheckWhole, decoders: tuple[Decoder, ...]) -> Checked:
    """`parts` of a file as one track. Each is checked on its own by `check`; raises TrackRejected as that does."""
    links = []
    for part in parts:
        checked = check(splice(source, (part,)), len(part))
        links.append(Link((part,), checked.decoders or decoders, checked.frames, checked.rate))
        report_progress(source)
    return Checked(decoders=(Joined(tuple(links)),))


def parts_by_length(source: BinaryIO, size_bytes: int, order: Literal["little", "big"]) -> list[ByteRange]:
    """The RIFF or IFF files in a file, each of which begins where the last one ends by its own header."""
    starts, at = [0], 0
    first = read_at(source, 0, 12)
    while len(starts) < _MAX_PARTS:
        declared = int.from_bytes(read_at(source, at + 4, 4), order)
        at += 8 + declared + declared % 2
        head = read_at(source, at, 12) if at < size_bytes else b""
        if head[:4] != first[:4] or head[8:12] != first[8:12] or len(head) < 12:
            break
        starts.append(at)
    return _between(starts, size_bytes)


def parts_by_magic(source: BinaryIO, size_bytes: int, magics: tuple[bytes, ...]) -> list[ByteRange]:
    """The files in a file, each of which begins with one of `magics`, all of one length. Reads the whole file."""
    starts, width = [0], len(magics[0])
    for block in range(0, size_bytes, _BLOCK_BYTES):
        data = read_at(source, block, _BLOCK_BYTES + width - 1)
        for magic in magics:
            at = data.find(magic)
            while at >= 0 and len(starts) < _MAX_PARTS:
                starts.append(block + at)
                at = data.find(magic, at + 1)
        report_progress(source)
    return _between(sorted(set(starts)), size_bytes)


def _between(starts: list[int], size_bytes: int) -> list[ByteRange]:
    return [ByteRange(start, end) for start, end in zip(starts, (*starts[1:], size_bytes), strict=True)]
