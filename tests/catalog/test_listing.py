"""Listings are read back by row, in bounded memory, and never overwritten."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genre_batch.catalog.listing import GROUP_ROWS, Listing, ListingFile, ListingInfo, to_parquet, write_listing
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import SCHEMA, in_batches, to_tracks
from genre_batch.errors import DamageFound, UserError
from genre_batch.storage.local import LocalStore

ODD = ["a\nb", "a/../b", "/lead", "e\u0301", "\u00e9", "a+b%20c#d", "\U0001f600", "\x01"]


def tracks(count: int) -> list[Track]:
    return [Track(f"t{number:09d}", f"s3://b/t{number:09d}", f"e{number}", number) for number in range(count)]


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Listing:
    folder = str(tmp_path_factory.mktemp("listing"))
    info = write_listing(tracks(400), LocalStore(), folder, file_rows=150)
    assert (info.tracks, info.files) == (400, ("part-00000.parquet", "part-00001.parquet", "part-00002.parquet"))
    return Listing(LocalStore(), folder)


@given(st.integers(0, 400), st.integers(0, 400))
def test_any_range_of_rows_comes_back(listing: Listing, one: int, other: int) -> None:
    start, stop = sorted((one, other))
    assert len(listing) == 400
    assert listing.rows(start, stop) == tracks(400)[start:stop]


def test_it_comes_back_in_order_and_byte_for_byte(tmp_path: Path) -> None:
    odd = sorted(Track(key, f"s3://b/{key}", "e", -1) for key in ODD)
    info = write_listing(odd, LocalStore(), str(tmp_path))
    assert list(Listing(LocalStore(), str(tmp_path))) == odd
    assert info.size_bytes == 0


def test_the_same_tracks_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_listing(tracks(1000), LocalStore(), str(tmp_path / name))
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "ab")
    assert sorted(first) == ["listing.json", "part-00000.parquet"]
    assert first == second
    info = ListingInfo.model_validate_json(first["listing.json"])
    assert info.sha256 == (hashlib.sha256(first["part-00000.parquet"]).hexdigest(),)
    older = info.model_dump_json(indent=1, exclude={"sha256"}).encode()
    assert [ListingInfo.model_validate_json(data).as_json() for data in (first["listing.json"], older)] == [
        first["listing.json"],
        older,
    ]


def test_a_listing_is_never_overwritten(tmp_path: Path) -> None:
    write_listing(tracks(3), LocalStore(), str(tmp_path))
    with pytest.raises(UserError, match="already"):
        write_listing(tracks(4), LocalStore(), str(tmp_path))
    assert list(Listing(LocalStore(), str(tmp_path))) == tracks(3)


def test_an_interrupted_write_may_be_repeated(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Track]:
        yield from tracks(250)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_listing(interrupted(), LocalStore(), str(tmp_path), file_rows=100)
    with pytest.raises(UserError, match="no complete listing"):
        Listing(LocalStore(), str(tmp_path))
    write_listing(tracks(300), LocalStore(), str(tmp_path), file_rows=100)
    assert list(Listing(LocalStore(), str(tmp_path))) == tracks(300)


@pytest.mark.parametrize("wrong", [[1, 0], [0, 0]])
def test_tracks_out_of_order_are_refused(tmp_path: Path, wrong: list[int]) -> None:
    with pytest.raises(ValueError, match="sorted and unique"):
        write_listing([tracks(2)[number] for number in wrong], LocalStore(), str(tmp_path))


def test_no_tracks_write_no_file(tmp_path: Path) -> None:
    assert write_listing([], LocalStore(), str(tmp_path)).files == ()
    assert list(tmp_path.iterdir()) == []


def test_rows_beyond_the_end_are_an_error(tmp_path: Path) -> None:
    write_listing(tracks(3), LocalStore(), str(tmp_path))
    with pytest.raises(IndexError):
        Listing(LocalStore(), str(tmp_path)).rows(2, 4)


def test_a_file_swapped_for_another_is_damage(tmp_path: Path) -> None:
    write_listing(tracks(250), LocalStore(), str(tmp_path), file_rows=100)
    (tmp_path / "part-00001.parquet").write_bytes((tmp_path / "part-00002.parquet").read_bytes())
    with pytest.raises(DamageFound, match="part-00001"):
        Listing(LocalStore(), str(tmp_path)).rows(90, 110)
    (tmp_path / "listing.json").write_text("{}")
    with pytest.raises(DamageFound, match=r"listing\.json"):
        Listing(LocalStore(), str(tmp_path))


_MEASURE = """
import resource, sys
from genre_batch.catalog.listing import Listing, write_listing
from genre_batch.catalog.track import Track
from genre_batch.storage.local import LocalStore

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = peak_mb()
rows = (Track(f"s3://music/{n:09d}.mp3", f"s3://music/{n:09d}.mp3", f"{n:032x}", n) for n in range(200_000))
write_listing(rows, LocalStore(), sys.argv[1])
listing = Listing(LocalStore(), sys.argv[1])
assert sum(len(listing.rows(n, n + 1000)) for n in range(0, 200_000, 1000)) == 200_000
print(peak_mb() - before)
"""


@pytest.mark.slow
def test_a_large_listing_takes_little_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _MEASURE, str(tmp_path)]
    growth_mb = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert growth_mb < 150


TRACKS = [Track(f"t{number:06d}", f"s3://music/{number}", f"e{number}", number) for number in range(40_000)]


class CountingStore(LocalStore):
    """Counts the bytes that are read."""

    bytes_read = 0

    def read(self, uri: str, **how: object) -> bytes:
        data = super().read(uri, **how)  # type: ignore[arg-type]
        self.bytes_read += len(data)
        return data


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "part").write_bytes(
        to_parquet(pa.Table.from_batches([group]) for group in in_batches(TRACKS, GROUP_ROWS))
    )
    return tmp_path / "part"


def test_rows_end_with_their_row_group(path: Path) -> None:
    file = ListingFile(LocalStore(), str(path), len(TRACKS))
    assert file.groups == 3
    assert to_tracks(file.table(16_380, 16_400)) == TRACKS[16_380:16_384]
    assert to_tracks(file.table(16_384, 16_400)) == TRACKS[16_384:16_400]
    assert list(file) == TRACKS


def test_only_the_row_group_asked_for_is_read_and_only_once(path: Path) -> None:
    store = CountingStore()
    file = ListingFile(store, str(path), len(TRACKS))
    for start in range(0, 16_384, 1000):
        file.table(start, start + 10)
    assert store.bytes_read < 0.75 * path.stat().st_size


def test_a_file_that_is_not_the_listed_one_is_damage(path: Path) -> None:
    with pytest.raises(DamageFound, match="part"):
        ListingFile(LocalStore(), str(path), len(TRACKS) + 1)
    with pytest.raises(DamageFound, match="-missing"):
        ListingFile(LocalStore(), f"{path}-missing", len(TRACKS))
    path.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DamageFound):
        ListingFile(LocalStore(), str(path), len(TRACKS))


def test_a_flipped_bit_is_damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamageFound):
        list(ListingFile(LocalStore(), str(path), len(TRACKS)))


def test_a_listing_from_before_there_were_times_is_read(tmp_path: Path) -> None:
    folder, first = str(tmp_path), SCHEMA.names[:4]
    info = write_listing(tracks(5), LocalStore(), folder)
    old = pa.table(
        Listing(LocalStore(), folder).table(0, 5).select(first).columns, schema=pa.schema(map(SCHEMA.field, first))
    )
    pq.write_table(old, f"{folder}/{info.files[0]}")
    listing = Listing(LocalStore(), folder)
    assert listing.rows(1, 5) == tracks(5)[1:]
    assert listing.table(0, 5).schema == SCHEMA
    assert listing.table(0, 5)["modified_at"].null_count == 5
