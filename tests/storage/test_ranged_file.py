"""Seekable files over ranged reads, compared with files in memory."""

import io
import random

import pytest

from genre_batch.storage.ranged_file import BLOCK_BYTES, RangedFile, SeekableFile, is_in_memory, read_at
from genre_batch.storage.store import ReadFailed


@pytest.mark.parametrize(
    ("offset", "whence"), [(3, io.SEEK_SET), (2, io.SEEK_CUR), (-4, io.SEEK_END), (9, io.SEEK_END)]
)
def test_it_seeks_like_a_file_in_memory(offset: int, whence: int) -> None:
    ours, theirs = SeekableFile(10), io.BytesIO(bytes(10))
    for file in (ours, theirs):
        file.seek(1)
    assert ours.seek(offset, whence) == theirs.seek(offset, whence) == ours.tell()
    assert ours.readable()
    assert ours.seekable()


def test_seeking_before_the_start_is_an_error() -> None:
    file = SeekableFile(10)
    file.seek(4)
    with pytest.raises(OSError, match="cannot seek to -1"):
        file.seek(-5, io.SEEK_CUR)
    assert file.tell() == 4


def test_reads_at_an_offset() -> None:
    source = io.BytesIO(b"0123456789")
    assert read_at(source, 3, 4) == b"3456"
    assert read_at(source, 8, 4) == b"89"
    assert read_at(source, 20, 4) == b""


def test_nothing_is_at_an_offset_that_no_file_has() -> None:
    assert read_at(io.BytesIO(b"abc"), 1 << 64, 1) == b""


def test_a_buffer_around_a_ranged_file_is_bypassed() -> None:
    data = bytes(10 * BLOCK_BYTES)
    file = RangedFile(lambda start, length: data[start : start + length], len(data))
    assert read_at(io.BufferedReader(file, 4 * BLOCK_BYTES), BLOCK_BYTES, 10) == bytes(10)
    assert file.fetched_bytes == BLOCK_BYTES


DATA = random.Random(0).randbytes(5_000_000)


class Recorder:
    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def __call__(self, start: int, length: int) -> bytes:
        self.asked.append((start, length))
        return DATA[start : start + length]


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 5_000_000])
def test_reads_the_whole_object(size: int) -> None:
    recorder = Recorder()
    file = RangedFile(recorder, size)
    assert file.read() == DATA[:size]
    assert file.read(1) == b""
    assert file.fetched_bytes == size == sum(length for _, length in recorder.asked)


def test_equals_a_file_in_memory_under_random_use() -> None:
    dice = random.Random(1)
    plain, ranged = io.BytesIO(DATA), io.BufferedReader(RangedFile(Recorder(), len(DATA)), 4096)
    for _ in range(2000):
        whence = dice.choice([io.SEEK_SET, io.SEEK_CUR, io.SEEK_END])
        offset = dice.randint(-plain.tell(), 100_000) if whence == io.SEEK_CUR else dice.randint(0, len(DATA))
        offset = -offset if whence == io.SEEK_END else offset
        assert plain.seek(offset, whence) == ranged.seek(offset, whence)
        length = dice.choice([1, 4, 100, 8192, 100_000])
        assert plain.read(length) == ranged.read(length)
        assert plain.tell() == ranged.tell()


def test_fetches_grow_while_reading_is_sequential() -> None:
    recorder = Recorder()
    file = RangedFile(recorder, len(DATA))
    while file.read(10_000):
        pass
    lengths = [length for _, length in recorder.asked]
    assert lengths[:6] == [32_768, 32_768, 65_536, 131_072, 262_144, 524_288]
    assert max(lengths) == 1_048_576
    assert len(lengths) < 12


def test_a_jump_fetches_little_and_nothing_twice() -> None:
    recorder = Recorder()
    file = RangedFile(recorder, len(DATA))
    for start in (0, 4_000_000, 100, 4_000_100, 3_900_000):
        file.seek(start)
        assert file.read(1000) == DATA[start : start + 1000]
    assert len(recorder.asked) == 3
    assert file.fetched_bytes < 400_000


def test_an_expected_range_is_fetched_from_its_start_to_its_end() -> None:
    recorder = Recorder()
    file = RangedFile(recorder, len(DATA), max_fetch_blocks=4)
    file.read_range(5 * BLOCK_BYTES, 1)
    file.expect(2 * BLOCK_BYTES + 1, 12 * BLOCK_BYTES)
    assert file.read_range(11 * BLOCK_BYTES, 10) == DATA[11 * BLOCK_BYTES :][:10]
    blocks = [(start // BLOCK_BYTES, length // BLOCK_BYTES) for start, length in recorder.asked]
    assert blocks == [(5, 1), (2, 3), (6, 4), (10, 2)]
    file.load(0, len(DATA))
    assert file.fetched_bytes == len(DATA)


def test_a_range_is_read_in_one_fetch_and_the_position_stays() -> None:
    recorder = Recorder()
    file = RangedFile(recorder, len(DATA))
    assert file.read_range(100_000, 300_000) == DATA[100_000:400_000]
    assert file.tell() == 0
    assert len(recorder.asked) == 1
    with pytest.raises(ValueError, match="cannot read at -1"):
        file.read_range(-1, 10)


def test_old_blocks_are_dropped() -> None:
    size = 3 << 30
    asked: list[int] = []
    file = RangedFile(lambda start, length: asked.append(length) or bytes(length), size)
    for start in range(0, size, 1 << 20):
        file.seek(start)
        file.read(1)
    file.seek(0)
    before = len(asked)
    file.read(1)
    assert len(asked) == before + 1


def test_an_error_of_read_is_raised_and_kept() -> None:
    error = ReadFailed("line cut")

    def failing(start: int, length: int) -> bytes:
        raise error

    file = RangedFile(failing, 10)
    with pytest.raises(ReadFailed, match="line cut"):
        file.read(1)
    assert file.failure is error


@pytest.mark.parametrize("answer", [b"", b"123456789", b"12345678901"])
def test_an_answer_of_the_wrong_length_is_an_error(answer: bytes) -> None:
    with pytest.raises(ReadFailed, match="asked for 10 bytes"):
        RangedFile(lambda start, length: answer, 10).read(1)


def test_nothing_is_read_past_the_end() -> None:
    file = RangedFile(Recorder(), 100)
    assert file.seek(1000) == 1000
    assert file.read(10) == b""


def test_it_knows_when_it_is_in_memory() -> None:
    data = bytes(3 * BLOCK_BYTES + 5)
    file = RangedFile(lambda start, length: data[start : start + length], len(data))
    buffered = io.BufferedReader(file)
    file.load(0, 2 * BLOCK_BYTES)
    assert not is_in_memory(buffered)
    file.load(0, len(data))
    assert is_in_memory(buffered)
    assert not is_in_memory(io.BytesIO(data))
