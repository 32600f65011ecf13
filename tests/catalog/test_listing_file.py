from pathlib import Path

import pyarrow as pa
import pytest

from genre_batch.catalog.listing_file import GROUP_ROWS, ListingFile, to_parquet
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import in_batches, to_tracks
from genre_batch.errors import DamageFound
from genre_batch.storage.local import LocalStore

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
    with pytest.raises(DamageFound):
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
