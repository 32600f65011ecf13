"""A file over ranged reads."""

import io
import random

import pytest

from genre_batch.decode.ranged_file import RangedFile
from genre_batch.storage.store import ReadFailed

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


def test_fetches_more_at_once_the_longer_reading_goes_on() -> None:
    recorder = Recorder()
    file = RangedFile(recorder, len(DATA))
    while file.read(10_000):
        pass
    lengths = [length for _, length in recorder.asked]
    assert lengths[:4] == [131_072, 262_144, 524_288, 1_048_576]
    assert max(lengths) == 1_048_576
    assert len(lengths) < 10


def test_a_jump_fetches_little_and_nothing_twice() -> None:
    recorder = Recorder()
    file = RangedFile(recorder, len(DATA))
    for start in (0, 4_000_000, 100, 4_000_100, 3_900_000):
        file.seek(start)
        assert file.read(1000) == DATA[start : start + 1000]
    assert len(recorder.asked) == 3
    assert file.fetched_bytes < 400_000


def test_old_blocks_are_dropped() -> None:
    size = 400 << 20
    asked: list[int] = []
    file = RangedFile(lambda start, length: asked.append(length) or bytes(length), size)
    for start in range(0, size, 1 << 20):
        file.seek(start)
        file.read(1)
    file.seek(0)
    before = len(asked)
    file.read(1)
    assert len(asked) == before + 1


def test_an_error_is_raised_and_kept_for_those_who_cannot_see_it() -> None:
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


def test_seeking_before_the_start_is_an_error_and_behind_the_end_reads_nothing() -> None:
    file = RangedFile(Recorder(), 100)
    with pytest.raises(OSError, match="cannot seek"):
        file.seek(-1)
    assert file.seek(1000) == 1000
    assert file.read(10) == b""
