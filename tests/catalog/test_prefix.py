from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genre_batch.catalog import prefix
from genre_batch.catalog.prefix import KeyRange, add_prefix, list_range, reported, split
from genre_batch.catalog.sorted_runs import TrackRuns
from genre_batch.catalog.track import Track
from genre_batch.errors import UserError
from genre_batch.storage import s3
from genre_batch.storage.local import LocalStore
from genre_batch.storage.s3 import S3Store
from genre_batch.storage.store import ObjectGone, ObjectPage, ReadFailed


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


def test_it_descends_until_there_are_enough_folders(tmp_path: Path) -> None:
    fill(str(tmp_path), [f"music/{artist:02d}/{album}/1" for artist in range(40) for album in range(2)])
    ranges = split(LocalStore(), f"{tmp_path}/")
    assert len(ranges) == 1 + 1 + 40
    assert ranges[2].after == f"{tmp_path}/music/00/"


def test_many_folders_are_combined_into_few_ranges(tmp_path: Path) -> None:
    fill(str(tmp_path), [f"{artist:03d}/1" for artist in range(300)])
    ranges = split(LocalStore(), f"{tmp_path}/")
    assert len(ranges) == 129
    uris = [listed(LocalStore(), keys) for keys in ranges]
    assert sum(uris, []) == [f"{tmp_path}/{artist:03d}/1" for artist in range(300)]  # noqa: RUF017
    assert max(map(len, uris)) <= 3


def test_unexplored_folders_lose_no_object(bucket: str, monkeypatch) -> None:
    monkeypatch.setattr(s3, "_PAGE_KEYS", 5)
    monkeypatch.setattr(prefix, "_SCANNED", 32)
    fill(f"s3://{bucket}", [f"{number:04d}/1" for number in range(50)])
    ranges = split(S3Store(), f"s3://{bucket}/")
    assert len(ranges) == 35 + 1
    assert sum(len(listed(S3Store(), keys)) for keys in ranges) == 50


def test_ranges_are_not_cut_at_folders_with_control_characters(tmp_path: Path) -> None:
    fill(str(tmp_path), ["a\x01/1", "b/2"])
    ranges = split(LocalStore(), f"{tmp_path}/")
    assert [keys.after for keys in ranges] == ["", f"{tmp_path}/b/"]
    assert sum(len(listed(LocalStore(), keys)) for keys in ranges) == 2


def listed_prefix(store, folder: str, progress: list[tuple[int, int]] | None = None) -> list[Track]:
    seen = [] if progress is None else progress
    with TrackRuns() as runs:
        add_prefix(runs, store, folder, lambda *so_far: seen.append(so_far))
        return list(runs.merged())


@pytest.mark.parametrize("small", [2, 10_000], ids=["in ranges", "in one go"])
def test_all_objects_below_a_prefix_except_folder_markers_are_tracks(bucket: str, monkeypatch, small: int) -> None:
    monkeypatch.setattr(prefix, "_SMALL", small)
    store, root = S3Store(), f"s3://{bucket}/music"
    for name, data in {"a/": b"", "a/1": b"12", "b/": b"not a marker", "empty": b"", "c/d/e/2": b"3"}.items():
        store.write(f"{root}/{name}", data)
    store.write(f"s3://{bucket}/musical", b"another")
    progress: list[tuple[int, int]] = []
    tracks = listed_prefix(store, f"{root}/", progress)
    assert [track.uri for track in tracks] == [f"{root}/{name}" for name in ("a/1", "b/", "c/d/e/2", "empty")]
    assert [track.track_id for track in tracks] == [track.uri for track in tracks]
    assert [track.size_bytes for track in tracks] == [2, 12, 1, 0]
    assert tracks[0].etag == store.head(tracks[0].uri).etag
    assert progress[-1] == (4, 15)


def test_a_local_folder_is_listed(tmp_path: Path) -> None:
    for name in ("b/2", "a/1"):
        LocalStore().write(f"{tmp_path}/{name}", b"x")
    progress: list[tuple[int, int]] = []
    assert [track.uri for track in listed_prefix(LocalStore(), f"{tmp_path}/", progress)] == [
        f"{tmp_path}/a/1",
        f"{tmp_path}/b/2",
    ]
    assert progress == [(2, 2)]


def test_progress_is_reported_every_thousand_tracks() -> None:
    progress: list[tuple[int, int]] = []
    tracks = [Track("", "", "", -1), *(Track("", "", "", 2) for _ in range(2499))]
    assert list(reported(tracks, lambda *so_far: progress.append(so_far))) == tracks
    assert progress == [(1000, 1998), (2000, 3998), (2500, 4998)]


def test_an_error_in_one_range_stops_all_of_them(bucket: str, monkeypatch) -> None:
    monkeypatch.setattr(prefix, "_SMALL", 2)
    for number in range(40):
        S3Store().write(f"s3://{bucket}/{number:02d}/x", b"")

    class Failing(S3Store):
        def pages(self, prefix: str, *, after: str = ""):
            if after.endswith("/17/"):
                raise ReadFailed("broken")
            return super().pages(prefix, after=after)

    with pytest.raises(ReadFailed, match="broken"):
        listed_prefix(Failing(), f"s3://{bucket}/")


def test_a_missing_bucket_stops_it(moto_s3) -> None:
    with pytest.raises(ObjectGone):
        listed_prefix(S3Store(), "s3://no-such-bucket-here/")


@pytest.mark.parametrize("pages", [["ba"], ["b", "", "a"], ["0b", "ac"]])
def test_a_server_that_lists_out_of_order_is_refused(pages: list[str]) -> None:
    class Unordered(LocalStore):
        def pages(self, prefix: str, *, after: str = ""):
            counts = (([f"/{name}" for name in names], len(names)) for names in pages)
            return (ObjectPage(uris, ["e"] * count, [1] * count, [""] * count) for uris, count in counts)

    with pytest.raises(UserError, match="does not list keys in sorted order: '/a' came after '/b'"):
        listed_prefix(Unordered(), "/")
