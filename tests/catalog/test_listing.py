"""Listings: what is written comes back by row, in bounded memory, and is never overwritten."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genre_batch.catalog.listing import Listing, write_listing
from genre_batch.catalog.track import Track
from genre_batch.errors import UserError
from genre_batch.storage.local import LocalStore

ODD = ["a\nb", "a/../b", "/lead", "e\u0301", "\u00e9", "a+b%20c#d", "\U0001f600", "\x01"]


def tracks(count: int) -> list[Track]:
    return [Track(f"t{number:09d}", f"s3://b/t{number:09d}", f"e{number}", number) for number in range(count)]


@given(st.integers(0, 400), st.integers(0, 400))
@settings(deadline=None)
def test_any_range_of_rows_comes_back(tmp_path_factory: pytest.TempPathFactory, one: int, other: int) -> None:
    folder = tmp_path_factory.mktemp("listing")
    info = write_listing(tracks(400), LocalStore(), str(folder), file_rows=150)
    start, stop = sorted((one, other))
    listing = Listing(LocalStore(), str(folder))
    assert (info.tracks, len(info.files), len(listing)) == (400, 3, 400)
    assert listing.rows(start, stop) == tracks(400)[start:stop]


def test_it_comes_back_in_order_and_byte_for_byte(tmp_path: Path) -> None:
    odd = sorted(Track(key, f"s3://b/{key}", "e", -1) for key in ODD)
    info = write_listing(odd, LocalStore(), str(tmp_path))
    assert list(Listing(LocalStore(), str(tmp_path))) == odd
    assert info.size_bytes == 0


def test_the_same_tracks_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_listing(tracks(1000), LocalStore(), str(tmp_path / name))
    first, second = (next((tmp_path / name).iterdir()).read_bytes() for name in "ab")
    assert first == second


def test_a_listing_is_never_overwritten(tmp_path: Path) -> None:
    write_listing(tracks(3), LocalStore(), str(tmp_path))
    before = next(tmp_path.iterdir()).read_bytes()
    with pytest.raises(UserError, match="already"):
        write_listing(tracks(4), LocalStore(), str(tmp_path))
    assert next(tmp_path.iterdir()).read_bytes() == before


@pytest.mark.parametrize("wrong", [[1, 0], [0, 0]])
def test_tracks_out_of_order_are_refused(tmp_path: Path, wrong: list[int]) -> None:
    with pytest.raises(ValueError, match="sorted and unique"):
        write_listing([tracks(2)[number] for number in wrong], LocalStore(), str(tmp_path))


def test_no_tracks_write_no_file(tmp_path: Path) -> None:
    assert write_listing([], LocalStore(), str(tmp_path)).files == ()
    assert len(Listing(LocalStore(), str(tmp_path))) == 0


def test_rows_beyond_the_end_are_an_error(tmp_path: Path) -> None:
    write_listing(tracks(3), LocalStore(), str(tmp_path))
    with pytest.raises(IndexError):
        Listing(LocalStore(), str(tmp_path)).rows(2, 4)
