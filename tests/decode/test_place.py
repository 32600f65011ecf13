"""Looking for a frame by marks in the file."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.decode.place import Mark, Splice, cover, search
from genre_batch.decode.ranged_file import BLOCK_BYTES, RangedFile

SIZES = st.lists(st.integers(100, 20_000), min_size=2, max_size=400)


class File:
    """Frames of 1000 samples and of these sizes."""

    def __init__(self, sizes: list[int]) -> None:
        starts = [0, *accumulate(sizes)]
        self.marks = [Mark(byte, 1000 * number) for number, byte in enumerate(starts)]
        self.looks = 0

    def mark_at(self, byte: int) -> Mark | None:
        self.looks += 1
        start = byte // BLOCK_BYTES * BLOCK_BYTES
        return next((mark for mark in self.marks[:-1] if start <= mark.byte < start + BLOCK_BYTES), None)


@given(SIZES, st.floats(0, 1))
def test_the_mark_found_is_at_or_before_the_frame(sizes: list[int], part: float) -> None:
    file = File(sizes)
    frame = round(part * file.marks[-1].frame)
    found = search(file.mark_at, file.marks[0], file.marks[-1], frame, 5000)
    assert found in file.marks
    assert found.frame <= frame
    assert file.looks <= 4


def test_a_steady_rate_needs_one_look() -> None:
    file = File([2000] * 2000)
    found = search(file.mark_at, file.marks[0], file.marks[-1], 1_234_567, 50_000)
    assert 1_234_567 - 50_000 <= found.frame <= 1_234_567
    assert file.looks == 1


@given(SIZES, st.floats(0, 1), st.floats(0, 1))
def test_what_is_covered_reaches_the_frame_or_is_looked_at_four_times(sizes: list[int], a: float, b: float) -> None:
    file = File(sizes)
    size = file.marks[-1].byte
    source = RangedFile(lambda start, length: bytes(length), size)
    low = file.marks[round(min(a, b) * (len(sizes) - 1))]
    frame = round(max(a, b) * file.marks[-1].frame)
    end = cover(source, file.mark_at, low, file.marks[-1], frame)
    wanted = next((mark.byte for mark in file.marks if mark.frame >= frame), size)
    assert end <= size
    assert end >= wanted or file.looks == 4 or file.mark_at(end - BLOCK_BYTES) is None


@pytest.mark.parametrize(("start", "count", "answer"), [(5, 5, True), (4, 5, False), (5, 6, False)])
def test_a_splice_covers_what_lies_within_it(start: int, count: int, answer: bool) -> None:
    assert Splice((), 0, 5, 10).covers(start, count) is answer
    assert Splice((), 0, 5).covers(start, 100 * count) is (start >= 5)
