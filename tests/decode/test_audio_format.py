"""Splices, and what all formats have in common."""

import io

import pytest

from genre_batch.decode.audio_file import FORMATS
from genre_batch.decode.audio_format import Checked, Splice, at_start, nothing_to_check


@pytest.mark.parametrize(("start", "count", "answer"), [(5, 5, True), (4, 5, False), (5, 6, False)])
def test_a_splice_covers_the_frames_within_it(start: int, count: int, answer: bool) -> None:
    assert Splice((), 0, 5, 10).covers(start, count) is answer
    assert Splice((), 0, 5).covers(start, 100 * count) is (start >= 5)


def test_magic_bytes_are_at_the_start() -> None:
    assert (at_start(True), at_start(False)) == (0, None)


def test_headers_without_a_length_pass() -> None:
    assert nothing_to_check(io.BytesIO(), 0) == Checked(frames=None, decoders=())


def test_formats_have_names_of_their_own_and_decoders() -> None:
    assert len({audio_format.name for audio_format in FORMATS}) == len(FORMATS)
    assert all(audio_format.decoders for audio_format in FORMATS)
