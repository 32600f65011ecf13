"""What is fetched before the decoder asks."""

import random

import pytest
from audio_samples import chirp, encode

from genre_batch.decode.placing import SMALL_BYTES
from genre_batch.decode.prefetch import prefetch
from genre_batch.decode.ranged_file import RangedFile
from genre_batch.decode.window import Window
from genre_batch.storage.store import ReadFailed

WINDOW = Window(length_s=2.0, min_offset_s=5, max_offset_s=5)


def fetched(data: bytes, whole_bytes: int) -> RangedFile:
    file = RangedFile(lambda start, length: data[start : start + length], len(data), largest_blocks=1024)
    prefetch(file, "a", WINDOW, whole_bytes=whole_bytes)
    return file


def test_small_files_come_whole_in_one_request() -> None:
    file = fetched(bytes(SMALL_BYTES), 0)
    assert (file.fetches, file.fetched_bytes) == (1, SMALL_BYTES)


def test_of_a_large_file_the_head_and_the_window_come() -> None:
    data = encode(chirp(20.0), 44_100, "wav")
    file = fetched(data, len(data))
    assert file.fetches == 2
    assert file.fetched_bytes < 0.2 * len(data)


@pytest.mark.parametrize(("whole_bytes", "share"), [(2 * SMALL_BYTES, 1.0), (SMALL_BYTES, 0.1)])
def test_what_has_no_place_comes_whole_unless_it_is_too_large(whole_bytes: int, share: float) -> None:
    noise = random.Random(2).randbytes(2 * SMALL_BYTES)
    assert fetched(noise, whole_bytes).fetched_bytes <= share * len(noise)


def test_a_failed_read_is_raised() -> None:
    def failing(start: int, length: int) -> bytes:
        raise ReadFailed("line cut")

    with pytest.raises(ReadFailed, match="line cut"):
        prefetch(RangedFile(failing, 2 * SMALL_BYTES), "a", WINDOW, whole_bytes=0)
