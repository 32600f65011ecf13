"""Reading ahead: whole objects, ranges of large ones, and a typed reject where reading fails."""

from pathlib import Path

import pytest
from s3_server import S3Server

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.decode.window import Window
from genre_batch.stages.object_reader import ObjectReader
from genre_batch.storage.local import LocalStore
from genre_batch.storage.s3 import S3Store


def tracks(folder: Path, count: int, size_bytes: int = 1000) -> list[Track]:
    for number in range(count):
        (folder / f"{number:03d}").write_bytes(bytes([number]) * size_bytes)
    stored = LocalStore().list(f"{folder}/")
    return [Track(each.uri, each.uri, each.etag, each.size_bytes) for each in stored]


@pytest.mark.parametrize("whole_bytes", [1000, 999])
def test_every_range_of_every_track_is_read_in_order(tmp_path: Path, whole_bytes: int) -> None:
    listed = tracks(tmp_path, 20)
    reader = ObjectReader(Window(), ahead_tracks=3, whole_bytes=whole_bytes)
    seen = []
    for number, (track, read) in enumerate(reader.ranges(listed)):
        seen.append(track)
        assert read(10, 5) == bytes([number]) * 5
        assert read(0, 1000) == bytes([number]) * 1000
    assert seen == listed
    assert reader.bytes_read == 20 * 1000
    assert reader.reads == 20


def test_an_empty_object_needs_no_request(tmp_path: Path) -> None:
    (listed,) = tracks(tmp_path, 1, size_bytes=0)
    reader = ObjectReader(Window())
    ((_, read),) = reader.ranges([listed])
    assert read(0, 10) == b""
    assert reader.bytes_read == 0


def reject(track: Track) -> tuple[RejectReason, RejectStage]:
    ((_, read),) = ObjectReader(Window()).ranges([track])
    with pytest.raises(TrackRejected) as raised:
        read(0, 10)
    return raised.value.reject.reason, raised.value.reject.stage


def test_deleted_and_changed_objects_have_their_own_reasons(tmp_path: Path) -> None:
    deleted, changed = tracks(tmp_path, 2)
    Path(deleted.uri).unlink()
    Path(changed.uri).write_bytes(b"other bytes")
    assert reject(deleted) == (RejectReason.GONE, RejectStage.READ)
    assert reject(changed) == (RejectReason.CHANGED, RejectStage.READ)


def test_an_archived_object_has_a_reason_of_its_own_and_the_hint_to_restore_it(moto_s3: S3Server) -> None:
    bucket = moto_s3.new_bucket()
    moto_s3.client.put_object(Bucket=bucket, Key="a", Body=b"12345", StorageClass="GLACIER")
    uri = f"s3://{bucket}/a"
    found = S3Store().head(uri)
    ((_, read),) = ObjectReader(Window()).ranges([Track(uri, uri, found.etag, 5)])
    with pytest.raises(TrackRejected, match="archived") as raised:
        read(0, 5)
    assert raised.value.reject.reason is RejectReason.ARCHIVED
    assert "restore" in raised.value.reject.hint


def test_an_object_that_was_missing_when_listed_is_never_scored(tmp_path: Path) -> None:
    missing = Track("a", str(tmp_path / "a"), "", -1)
    assert reject(missing) == (RejectReason.GONE, RejectStage.READ)
    (tmp_path / "a").write_bytes(b"here by now")
    assert reject(missing) == (RejectReason.CHANGED, RejectStage.READ)


def test_what_can_never_be_read_has_a_reason(moto_s3: S3Server, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for uri in (f"{tmp_path}/zero\0byte", f"{tmp_path}/{'n' * 300}", f"{tmp_path}/loop", "s3://no bucket/a", "s3://a"):
        assert reject(Track(uri, uri, "", -1)) == (RejectReason.GONE, RejectStage.READ)
    # reading this one is an I/O error, as it is on a broken disk
    (tmp_path / "broken").symlink_to("/proc/self/mem")
    assert reject(Track("b", f"{tmp_path}/broken", "", -1)) == (RejectReason.READ_FAILED, RejectStage.READ)


def test_the_same_on_s3(moto_s3: S3Server, bucket: str) -> None:
    etag = moto_s3.client.put_object(Bucket=bucket, Key="a", Body=b"bytes")["ETag"].strip('"')
    uri = f"s3://{bucket}/a"
    ((_, read),) = ObjectReader(Window()).ranges([Track(uri, uri, etag, 5)])
    assert read(1, 2) == b"yt"
    assert reject(Track(uri, uri, "0" * 32, 5))[0] is RejectReason.CHANGED
    assert reject(Track(uri, f"{uri}b", etag, 5))[0] is RejectReason.GONE
