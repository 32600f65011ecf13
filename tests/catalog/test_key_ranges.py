from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from genre_batch.catalog import key_ranges
from genre_batch.catalog.key_ranges import KeyRange, list_range, split
from genre_batch.storage import s3
from genre_batch.storage.local import LocalStore
from genre_batch.storage.s3 import S3Store


def fill(root: str, names: list[str]) -> None:
    store = S3Store() if root.startswith("s3://") else LocalStore()
    for name in names:
        store.write(f"{root}/{name}", b"")


def listed(store: LocalStore | S3Store, keys: KeyRange) -> list[str]:
    return [uri for page in list_range(store, keys) for uri in page.uris]


names = st.lists(st.text("ab/😀é-", min_size=1, max_size=6), unique=True, max_size=12)


@given(names)
@settings(max_examples=25)
def test_ranges_hold_each_object_once_and_in_order(moto_s3, found: list[str]) -> None:
    root = f"s3://{moto_s3.new_bucket()}"
    fill(root, found)
    ranges = split(S3Store(), f"{root}/")
    assert [uri for keys in ranges for uri in listed(S3Store(), keys)] == [f"{root}/{name}" for name in sorted(found)]


def test_it_goes_down_until_there_are_enough_folders(tmp_path: Path) -> None:
    fill(str(tmp_path), [f"music/{artist:02d}/{album}/1" for artist in range(40) for album in range(2)])
    ranges = split(LocalStore(), f"{tmp_path}/")
    assert len(ranges) == 1 + 1 + 40
    assert ranges[2].after == f"{tmp_path}/music/00/"


def test_many_folders_are_taken_together(tmp_path: Path) -> None:
    fill(str(tmp_path), [f"{artist:03d}/1" for artist in range(300)])
    ranges = split(LocalStore(), f"{tmp_path}/")
    assert len(ranges) == 129
    uris = [listed(LocalStore(), keys) for keys in ranges]
    assert sum(uris, []) == [f"{tmp_path}/{artist:03d}/1" for artist in range(300)]  # noqa: RUF017
    assert max(map(len, uris)) <= 3


def test_cuts_that_were_not_looked_for_lose_no_object(bucket: str, monkeypatch) -> None:
    monkeypatch.setattr(s3, "_PAGE_KEYS", 5)
    monkeypatch.setattr(key_ranges, "_SCANNED", 32)
    fill(f"s3://{bucket}", [f"{number:04d}/1" for number in range(50)])
    ranges = split(S3Store(), f"s3://{bucket}/")
    assert len(ranges) == 35 + 1
    assert sum(len(listed(S3Store(), keys)) for keys in ranges) == 50


def test_a_folder_with_control_characters_is_no_place_to_cut(tmp_path: Path) -> None:
    fill(str(tmp_path), ["a\x01/1", "b/2"])
    ranges = split(LocalStore(), f"{tmp_path}/")
    assert [keys.after for keys in ranges] == ["", f"{tmp_path}/b/"]
    assert sum(len(listed(LocalStore(), keys)) for keys in ranges) == 2
