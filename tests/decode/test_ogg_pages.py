"""Pages of Ogg, and joined files."""

import io
from itertools import pairwise

import pytest
from audio_samples import chirp, encode

from genre_batch.decode.ogg_pages import last_page_end, pages, scan_links
from genre_batch.storage.spliced_file import ByteRange


@pytest.fixture(scope="module", params=["ogg", "opus", "ogg_flac"])
def data(request: pytest.FixtureRequest) -> bytes:
    return encode(chirp(5.0, 48_000), 48_000, request.param)


def test_pages_follow_one_another(data: bytes) -> None:
    found = list(pages(data))
    assert found[0].begins_stream
    assert [page.number for page in found] == list(range(len(found)))
    assert [page.start for page in found[1:]] == [page.end for page in found[:-1]]
    assert found[-1].end == len(data)


def test_a_whole_file_ends_with_its_last_page(data: bytes) -> None:
    for behind in (b"", b"tag", bytes(300_000)):
        assert last_page_end(io.BytesIO(data + behind), len(data + behind)) == len(data)


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_a_cut_page_ends_past_the_file(data: bytes, cut: int) -> None:
    end = last_page_end(io.BytesIO(data[:-cut]), len(data) - cut)
    assert end is not None
    assert end > len(data) - cut


@pytest.mark.parametrize("kept", [5, 20, 26, 27, 30])
def test_a_cut_page_header_counts_as_a_cut_page(data: bytes, kept: int) -> None:
    size = data.rindex(b"OggS") + kept
    end = last_page_end(io.BytesIO(data[:size]), size)
    assert end is not None
    assert end > size


def test_a_file_without_pages_has_no_last_page() -> None:
    assert last_page_end(io.BytesIO(bytes(1000)), 1000) is None
    assert scan_links(io.BytesIO(bytes(1000)), 1000) == []


def test_joined_files_are_told_apart(data: bytes) -> None:
    other = encode(chirp(2.0, 48_000, seed=1), 48_000, "opus")
    whole = data + other + data
    found = scan_links(io.BytesIO(whole), len(whole))
    ends = [0, len(data), len(data) + len(other), len(whole)]
    assert [link.part for link in found] == [ByteRange(start, end) for start, end in pairwise(ends)]
    assert found[0].granule == found[2].granule
    assert found[1].granule == pytest.approx(2 * 48_000, abs=1000)
