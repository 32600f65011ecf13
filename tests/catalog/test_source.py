import logging
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from s3_server import S3Server

from genre_batch.catalog.source import list_tracks
from genre_batch.catalog.track import Track
from genre_batch.errors import UsageError, UserError
from genre_batch.storage.local import LocalStore
from genre_batch.storage.s3 import S3Store

# moto's router does not support keys with a line break; tests/storage tests them with radosgw
ODD_KEYS = ["a/../b", "../../x", "/lead", "//two", "a//b", "..", "a+b%20c#d?e&f=g", "%2F", "😀/1", "e\u0301", "\u00e9"]


def put(root: str, *names: str) -> None:
    store = S3Store() if root.startswith("s3://") else LocalStore()
    for name in names:
        store.write(f"{root}/{name}", name.encode())


def test_a_prefix_gives_its_tracks_sorted(bucket: str) -> None:
    root = f"s3://{bucket}"
    put(root, *ODD_KEYS)
    progress: list[tuple[int, int]] = []
    tracks = list(list_tracks(root, lambda *so_far: progress.append(so_far)))
    assert [track.track_id for track in tracks] == [f"{root}/{key}" for key in sorted(ODD_KEYS, key=str.encode)]
    assert tracks == [
        Track(found.uri, found.uri, found.etag, found.size_bytes)
        for found in map(S3Store().head, (t.uri for t in tracks))
    ]
    assert progress[-1] == (len(tracks), sum(track.size_bytes for track in tracks))


@pytest.mark.radosgw
@pytest.mark.slow
def test_odd_keys_on_a_real_server(radosgw: S3Server) -> None:
    root = f"s3://{radosgw.new_bucket()}/odd"
    keys = [*ODD_KEYS, "a\nb/1", "\r\n", "\x01/1", "c\t/1"]
    put(root, *keys)
    assert [track.uri for track in list_tracks(f"{root}/")] == [f"{root}/{key}" for key in sorted(keys, key=str.encode)]


def test_a_relative_folder_gives_absolute_uris(tmp_path: Path, monkeypatch) -> None:
    put(str(tmp_path / "music"), "b", "a\nb", "e\u0301/1")
    (tmp_path / "music" / os.fsdecode(b"caf\xe9")).write_bytes(b"1")
    monkeypatch.chdir(tmp_path)
    expected = [f"{tmp_path}/music/{name}" for name in ("a\nb", "b", "e\u0301/1")]
    expected.append(f"file://{tmp_path}/music/caf%E9")
    assert [track.uri for track in list_tracks("music")] == expected
    assert [track.uri for track in list_tracks(f"file://{tmp_path}/music")] == expected


def test_a_file_that_cannot_be_inspected_does_not_stop_the_listing_of_a_folder(tmp_path: Path) -> None:
    put(str(tmp_path), "a")
    # reading this file is an I/O error, as on a broken disk
    (tmp_path / "b").symlink_to("/proc/self/mem")
    progress: list[tuple[int, int]] = []
    tracks = list(list_tracks(str(tmp_path), lambda *so_far: progress.append(so_far)))
    assert tracks[1] == Track(f"{tmp_path}/b", f"{tmp_path}/b", "", -1)
    assert progress[-1] == (2, 1)


def test_a_csv_file_names_tracks_that_may_be_gone(bucket: str, tmp_path: Path) -> None:
    put(f"s3://{bucket}", "b", "a")
    put(str(tmp_path), "local")
    (tmp_path / "all.csv").write_text(f"track_id,uri\nz,s3://{bucket}/a\n,s3://{bucket}/b\ny,missing\nx,local\n")
    tracks = list(list_tracks(str(tmp_path / "all.csv")))
    assert [track.track_id for track in tracks] == [f"s3://{bucket}/b", "x", "y", "z"]
    assert tracks[2] == Track("y", f"{tmp_path}/missing", "", -1)
    assert tracks[3].etag == S3Store().head(f"s3://{bucket}/a").etag


def test_a_parquet_file_on_s3_names_tracks(bucket: str, moto_s3: S3Server) -> None:
    put(f"s3://{bucket}/x", "b", "a")
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"uri": ["x/b", "x/a"]}), sink)
    moto_s3.client.put_object(Bucket=bucket, Key="all.parquet", Body=sink.getvalue().to_pybytes())
    assert [track.uri for track in list_tracks(f"s3://{bucket}/all.parquet")] == [f"s3://{bucket}/x/{n}" for n in "ab"]


def test_duplicates_collapse_and_contradictions_are_counted(tmp_path: Path, caplog) -> None:
    put(str(tmp_path), "1", "2")
    (tmp_path / "all.csv").write_text("track_id,uri\nb,1\na,2\nb,1\na,1\na,2\n,2\n")
    with caplog.at_level(logging.WARNING):
        found = list_tracks(str(tmp_path / "all.csv"))
        assert [(track.track_id, track.uri) for track in found] == [
            (f"{tmp_path}/2", f"{tmp_path}/2"),
            ("a", f"{tmp_path}/2"),
            ("b", f"{tmp_path}/1"),
        ]
    assert found.duplicates == 1
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("s3://no-such-bucket-here/music/", "bucket"),
        ("s3://no-such-bucket-here/all.csv", "does not exist"),
        ("missing", "does not exist"),
        ("missing.csv", "does not exist"),
        ("song.mp3", "is a file"),
        ("empty", "no track"),
        ("empty.csv", "no track"),
        ("columns.csv", "no column `uri`"),
        ("https://music.example/", "neither on S3 nor a path"),
    ],
)
def test_a_wrong_source_gets_one_sentence_and_a_hint(moto_s3, tmp_path, monkeypatch, source: str, words: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("song.mp3").write_bytes(b"ID3")
    Path("empty.csv").write_text("uri\n")
    Path("columns.csv").write_text("path\nx\n")
    with pytest.raises(UsageError, match=words) as caught:
        list(list_tracks(source))
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_an_empty_prefix_is_wrong_usage(bucket: str) -> None:
    with pytest.raises(UsageError, match="no track"):
        list(list_tracks(f"s3://{bucket}/music/"))


def test_missing_credentials_are_wrong_usage(bucket: str, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "all.csv").write_text(f"uri\ns3://{bucket}/a\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for source in (f"s3://{bucket}/", f"{tmp_path}/all.csv"):
        with pytest.raises(UsageError, match="credentials"):
            list(list_tracks(source))


@pytest.mark.slow
def test_an_unreachable_server_is_a_user_error(moto_s3, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="no connection") as caught:
        list(list_tracks("s3://music/"))
    assert "AWS_ENDPOINT_URL" in caught.value.hint
