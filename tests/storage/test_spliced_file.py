"""Files composed of parts of others."""

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.storage.ranged_file import BLOCK_BYTES, RangedFile
from genre_batch.storage.spliced_file import ByteRange, SplicedFile, skip_prefix, splice

DATA = random.Random(0).randbytes(1000)
PLACES = st.integers(0, 1000)
PIECES = st.lists(st.binary(max_size=20) | st.builds(lambda a, b: ByteRange(min(a, b), max(a, b)), PLACES, PLACES))


@given(PIECES, st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 500)), max_size=5))
def test_is_its_pieces_in_order(pieces: list[ByteRange | bytes], reads: list[tuple[int, int]]) -> None:
    wanted = b"".join(DATA[piece.start : piece.end] if isinstance(piece, ByteRange) else piece for piece in pieces)
    file = splice(io.BytesIO(DATA), pieces)
    assert file.read() == wanted
    assert file.seek(0, io.SEEK_END) == len(wanted)
    for start, length in reads:
        file.seek(start)
        assert file.read(length) == wanted[start : start + length]


@pytest.mark.parametrize("start", [0, 40, 49, 60, 149, 150, 199])
def test_ends_where_a_part_extends_past_the_source(start: int) -> None:
    file = SplicedFile(io.BytesIO(DATA), [b"a" * 50, ByteRange(900, 1050), b"b" * 50])
    assert file.read_range(start, 1000) == (b"a" * 50 + DATA[900:])[start:]


def test_seeks_like_a_file() -> None:
    file = SplicedFile(io.BytesIO(DATA), [ByteRange(0, 10), b"abc"])
    assert file.seek(-3, io.SEEK_END) == 10
    assert file.read(2) == b"ab"
    assert file.seek(-1, io.SEEK_CUR) == file.tell() == 11
    with pytest.raises(OSError, match="cannot seek"):
        file.seek(-1)


def test_a_prefix_is_hidden_and_announcements_are_passed_on() -> None:
    data = bytes(10 * BLOCK_BYTES)
    asked: list[tuple[int, int]] = []
    file = RangedFile(lambda start, length: asked.append((start, length)) or data[start : start + length], len(data))
    assert skip_prefix(file, 0, len(data)) is file
    rest = skip_prefix(file, BLOCK_BYTES, len(data))
    assert rest.seek(0, io.SEEK_END) == 9 * BLOCK_BYTES
    rest.raw.expect(2 * BLOCK_BYTES, 5 * BLOCK_BYTES)
    rest.seek(4 * BLOCK_BYTES)
    assert rest.read(1) == b"\0"
    assert asked == [(3 * BLOCK_BYTES, 3 * BLOCK_BYTES)]
