"""Searching for a frame by marks in the file."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from genre_batch.decode.search import Mark, find_end, find_mark
from genre_batch.storage.ranged_file import BLOCK_BYTES, RangedFile

SIZES = st.lists(st.integers(100, 20_000), min_size=2, max_size=400)


class File:
    """Frames of 1000 samples and of these sizes."""

    def __init__(self, sizes: list[int]) -> None:
        starts = [0, *accumulate(sizes)]
        self.marks = [Mark(byte, 1000 * number) for number, byte in enumerate(starts)]
        self.probes = 0

    def mark_at(self, byte: int) -> Mark | None:
        self.probes += 1
        start = byte // BLOCK_BYTES * BLOCK_BYTES
        return next((mark for mark in self.marks[:-1] if start <= mark.byte < start + BLOCK_BYTES), None)


@given(SIZES, st.floats(0, 1))
def test_the_mark_found_is_at_or_before_the_frame(sizes: list[int], part: float) -> None:
    file = File(sizes)
    frame = round(part * file.marks[-1].frame)
    found = find_mark(file.mark_at, file.marks[0], file.marks[-1], frame, 5000)
    assert found in file.marks
    assert found.frame <= frame
    assert file.probes <= 4


def test_a_constant_rate_needs_one_probe() -> None:
    file = File([2000] * 2000)
    found = find_mark(file.mark_at, file.marks[0], file.marks[-1], 1_234_567, 50_000)
    assert 1_234_567 - 50_000 <= found.frame <= 1_234_567
    assert file.probes == 1


@given(SIZES, st.floats(0, 1), st.floats(0, 1))
def test_the_end_reaches_the_frame_or_four_probes_are_made(sizes: list[int], a: float, b: float) -> None:
    file = File(sizes)
    size = file.marks[-1].byte
    source = RangedFile(lambda start, length: bytes(length), size)
    low = file.marks[round(min(a, b) * (len(sizes) - 1))]
    frame = round(max(a, b) * file.marks[-1].frame)
    end = find_end(source, file.mark_at, low, file.marks[-1], frame)
    wanted = next((mark.byte for mark in file.marks if mark.frame >= frame), size)
    assert end <= size
    assert end >= wanted or file.probes == 4 or file.mark_at(end - BLOCK_BYTES) is None
