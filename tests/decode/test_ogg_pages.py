"""The last page of an Ogg file."""

import io

import pytest
from audio_samples import chirp, encode

from genre_batch.decode.ogg_pages import last_page_end


@pytest.fixture(scope="module", params=["ogg", "opus", "ogg_flac"])
def data(request: pytest.FixtureRequest) -> bytes:
    return encode(chirp(5.0, 48_000), 48_000, request.param)


def test_a_whole_file_ends_with_its_last_page(data: bytes) -> None:
    assert last_page_end(io.BytesIO(data), len(data)) == len(data)
    assert last_page_end(io.BytesIO(data + b"tag"), len(data) + 3) == len(data)


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_a_cut_page_ends_behind_the_file(data: bytes, cut: int) -> None:
    end = last_page_end(io.BytesIO(data[:-cut]), len(data) - cut)
    assert end is not None
    assert end > len(data) - cut


@pytest.mark.parametrize("kept", [5, 20, 26, 27, 30])
def test_a_cut_page_header_counts_as_a_cut_page(data: bytes, kept: int) -> None:
    size = data.rindex(b"OggS") + kept
    end = last_page_end(io.BytesIO(data[:size]), size)
    assert end is not None
    assert end > size


def test_no_page_is_none() -> None:
    assert last_page_end(io.BytesIO(bytes(1000)), 1000) is None
