from pathlib import Path

import pytest

from genre_batch.catalog import prefix
from genre_batch.catalog.prefix import add_prefix, reported
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_runs import TrackRuns
from genre_batch.errors import UserError
from genre_batch.storage.local import LocalStore
from genre_batch.storage.s3 import S3Store
from genre_batch.storage.store import ObjectGone, ObjectPage, ReadFailed


def listed(store, folder: str, progress: list[tuple[int, int]] | None = None) -> list[Track]:
    seen = [] if progress is None else progress
    with TrackRuns() as runs:
        add_prefix(runs, store, folder, lambda *so_far: seen.append(so_far))
        return list(runs.merged())


@pytest.mark.parametrize("small", [2, 10_000], ids=["in ranges", "in one go"])
def test_all_objects_below_a_prefix_are_tracks_but_folder_markers(bucket: str, monkeypatch, small: int) -> None:
    monkeypatch.setattr(prefix, "_SMALL", small)
    store, root = S3Store(), f"s3://{bucket}/music"
    for name, data in {"a/": b"", "a/1": b"12", "b/": b"not a marker", "empty": b"", "c/d/e/2": b"3"}.items():
        store.write(f"{root}/{name}", data)
    store.write(f"s3://{bucket}/musical", b"another")
    progress: list[tuple[int, int]] = []
    tracks = listed(store, f"{root}/", progress)
    assert [track.uri for track in tracks] == [f"{root}/{name}" for name in ("a/1", "b/", "c/d/e/2", "empty")]
    assert [track.track_id for track in tracks] == [track.uri for track in tracks]
    assert [track.size_bytes for track in tracks] == [2, 12, 1, 0]
    assert tracks[0].etag == store.head(tracks[0].uri).etag
    assert progress[-1] == (4, 15)


def test_a_local_folder_is_listed(tmp_path: Path) -> None:
    for name in ("b/2", "a/1"):
        LocalStore().write(f"{tmp_path}/{name}", b"x")
    progress: list[tuple[int, int]] = []
    assert [track.uri for track in listed(LocalStore(), f"{tmp_path}/", progress)] == [
        f"{tmp_path}/a/1",
        f"{tmp_path}/b/2",
    ]
    assert progress == [(2, 2)]


def test_progress_is_told_each_thousand_tracks() -> None:
    progress: list[tuple[int, int]] = []
    tracks = [Track("", "", "", -1), *(Track("", "", "", 2) for _ in range(2499))]
    assert list(reported(tracks, lambda *so_far: progress.append(so_far))) == tracks
    assert progress == [(1000, 1998), (2000, 3998), (2500, 4998)]


def test_an_error_in_one_range_ends_all_of_them(bucket: str, monkeypatch) -> None:
    monkeypatch.setattr(prefix, "_SMALL", 2)
    for number in range(40):
        S3Store().write(f"s3://{bucket}/{number:02d}/x", b"")

    class Failing(S3Store):
        def pages(self, prefix: str, *, after: str = ""):
            if after.endswith("/17/"):
                raise ReadFailed("broken")
            return super().pages(prefix, after=after)

    with pytest.raises(ReadFailed, match="broken"):
        listed(Failing(), f"s3://{bucket}/")


def test_a_missing_bucket_ends_it(moto_s3) -> None:
    with pytest.raises(ObjectGone):
        listed(S3Store(), "s3://no-such-bucket-here/")


@pytest.mark.parametrize("pages", [["ba"], ["b", "", "a"], ["0b", "ac"]])
def test_a_server_that_lists_out_of_order_is_refused(pages: list[str]) -> None:
    class Unordered(LocalStore):
        def pages(self, prefix: str, *, after: str = ""):
            return (ObjectPage([f"/{name}" for name in names], ["e"] * len(names), [1] * len(names)) for names in pages)

    with pytest.raises(UserError, match="does not list keys in order: '/a' came after '/b'"):
        listed(Unordered(), "/")
