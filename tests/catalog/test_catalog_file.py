from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import pytest
from fault_rules import Fault, Rule
from faulty_proxy import FaultyProxy
from s3_server import S3Server

from genre_batch.catalog.catalog_file import CatalogRow, HeadResult, LookUp, catalog_rows, is_catalog_file, tracks_of
from genre_batch.catalog.track import Track
from genre_batch.errors import UsageError, UserError
from genre_batch.storage.local import LocalStore
from genre_batch.storage.s3 import S3Store
from genre_batch.storage.store import AccessDenied, NoConnection, NoCredentials, StorageError


def rows(path: Path, text: str) -> list[CatalogRow]:
    path.write_bytes(text.encode())
    return list(catalog_rows(str(path)))


def test_the_name_distinguishes_a_catalog_file_from_a_prefix() -> None:
    assert is_catalog_file("s3://music/All.CSV")
    assert is_catalog_file("tracks.parquet")
    assert not is_catalog_file("s3://music/tracks.csv/")
    assert not is_catalog_file("music")


def test_the_track_id_is_the_uri_unless_the_file_gives_one(tmp_path: Path) -> None:
    text = "uri,track_id\ns3://music/a%20b,one\ns3://music/../c,\n"
    assert rows(tmp_path / "a.csv", text) == [
        CatalogRow("one", "s3://music/a%20b"),
        CatalogRow("s3://music/../c", "s3://music/../c"),
    ]


def test_relative_uris_are_resolved_against_the_folder_of_the_file(tmp_path: Path, monkeypatch) -> None:
    text = "uri\nx/a b.mp3\n/abs/c.mp3\nfile:///abs/d%20e.mp3\n"
    assert [row.uri for row in rows(tmp_path / "a.csv", text)] == [
        f"{tmp_path}/x/a b.mp3",
        "/abs/c.mp3",
        "/abs/d e.mp3",
    ]


def test_relative_uris_of_a_file_on_s3_are_keys_beside_it(bucket: str, moto_s3) -> None:
    moto_s3.client.put_object(Bucket=bucket, Key="lists/a.csv", Body=b"uri\nx/a%20b.mp3\n../c.mp3\n")
    assert [row.uri for row in catalog_rows(f"s3://{bucket}/lists/a.csv")] == [
        f"s3://{bucket}/lists/x/a%20b.mp3",
        f"s3://{bucket}/lists/../c.mp3",
    ]


def test_a_star_in_the_name_stands_for_several_files_in_the_order_of_their_names(
    bucket: str, moto_s3: S3Server
) -> None:
    files = {"b-2.csv": "late.mp3", "b-1.csv": "early.mp3", "c-1.csv": "other.mp3", "b-3.csv/x": "below.mp3"}
    for name, track in files.items():
        body = f"uri,track_id\n{track},same\n".encode()
        moto_s3.client.put_object(Bucket=bucket, Key=f"lists/{name}", Body=body)
    found = catalog_rows(f"s3://{bucket}/lists/b-*.csv")
    assert [row.uri for row in found] == [f"s3://{bucket}/lists/early.mp3", f"s3://{bucket}/lists/late.mp3"]
    with pytest.raises(UsageError, match="no catalog file has a name like") as caught:
        list(catalog_rows(f"s3://{bucket}/lists/d*.csv"))
    assert caught.value.hint


def test_a_star_works_in_a_local_folder_and_other_characters_mean_themselves(tmp_path: Path) -> None:
    for name in ("a[1].csv", "a[2].csv", "a1.csv"):
        (tmp_path / name).write_text(f"uri\n/music/{name}.mp3\n")
    uris = [row.uri for row in catalog_rows(f"{tmp_path}/a[*].csv")]
    assert uris == ["/music/a[1].csv.mp3", "/music/a[2].csv.mp3"]


@pytest.mark.parametrize("uri", ["https://music.example/a.mp3", '""', "s3://"])
def test_a_row_without_a_usable_uri_is_named(tmp_path: Path, uri: str) -> None:
    with pytest.raises(UsageError, match=r"line 3: no usable URI: ") as caught:
        rows(tmp_path / "a.csv", f"uri,track_id\na.mp3,1\n{uri},2\n")
    assert caught.value.hint


def test_tracks_come_in_the_order_of_the_rows(bucket: str, tmp_path: Path) -> None:
    uris = [f"s3://{bucket}/{number}" for number in range(150)] + [f"{tmp_path}/local"]
    for uri in uris:
        (S3Store() if uri.startswith("s3") else LocalStore()).write(uri, uri.encode())
    tracks = list(tracks_of(CatalogRow(f"id of {uri}", uri) for uri in uris))
    assert [track.uri for track in tracks] == uris
    assert tracks[7] == Track(f"id of {uris[7]}", uris[7], S3Store().head(uris[7]).etag, len(uris[7]))


def test_a_missing_object_is_still_a_track(bucket: str, tmp_path: Path) -> None:
    uris = [f"s3://{bucket}/missing", f"{tmp_path}/missing", "s3://no-such-bucket-here/a"]
    tracks = list(tracks_of(CatalogRow(uri, uri) for uri in uris))
    assert tracks == [Track(uri, uri, "", -1) for uri in uris]


@pytest.mark.parametrize("name", ["zero\0byte", "n" * 300, "loop", "broken", "s3://no bucket/a", "s3://music"])
def test_an_unreadable_object_is_still_a_track(moto_s3: S3Server, tmp_path: Path, name: str) -> None:
    (tmp_path / "good").write_bytes(b"sound")
    (tmp_path / "loop").symlink_to("loop")
    # reading this file is an I/O error, as on a broken disk
    (tmp_path / "broken").symlink_to("/proc/self/mem")
    uri = name if name.startswith("s3") else f"{tmp_path}/{name}"
    tracks = list(tracks_of(CatalogRow(uri, uri) for uri in (uri, f"{tmp_path}/good")))
    assert tracks[0] == Track(uri, uri, "", -1)
    assert tracks[1].size_bytes == 5


@pytest.fixture
def proxy(moto_s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    for waits in ("tenacity.nap.time.sleep", "genre_batch.storage.pace.sleep"):
        monkeypatch.setattr(waits, lambda seconds: None)
    with FaultyProxy(moto_s3.endpoint).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
        yield proxy


def rows_of(bucket: str, names: Iterator[str]) -> Iterator[CatalogRow]:
    return (CatalogRow(name, f"s3://{bucket}/{name}") for name in names)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault.DENIED, "no permission to read 3 consecutive tracks"),
        (Fault.SLOW_DOWN, "3 consecutive tracks cannot be read"),
    ],
)
def test_consecutive_failures_stop_it_and_scattered_ones_do_not(
    proxy: FaultyProxy, bucket: str, fault: Fault, message: str
) -> None:
    proxy.follow(Rule(fault, "HEAD", keys="bad"))
    mixed = [f"{name}{number}" for number in range(6) for name in ("bad", "bad", "gone")]
    assert {track.size_bytes for track in tracks_of(rows_of(bucket, iter(mixed)), 3)} == {-1}
    assert len(list(tracks_of(rows_of(bucket, (f"bad{number}" for number in range(5))), None))) == 5
    taken: list[Track] = []
    with pytest.raises(UserError, match=f"stopped: {message}") as ended:
        taken.extend(tracks_of(rows_of(bucket, (f"bad{number}" for number in count())), 3))
    assert len(taken) == 2
    assert ended.value.exit_code == 1
    assert "max_denied_in_a_row=null" in ended.value.hint


def test_an_unreachable_server_stops_it_at_once(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    with pytest.raises(NoConnection):
        list(tracks_of([CatalogRow("a", f"s3://{bucket}/a")]))


def test_rows_are_not_read_far_ahead(tmp_path: Path) -> None:
    taken = []

    def rows():
        for number in count():
            taken.append(number)
            yield CatalogRow(f"{number}", f"{tmp_path}/{number}")

    assert len(list(islice(tracks_of(rows()), 10))) == 10
    assert len(taken) < 200


def test_missing_credentials_stop_it(bucket: str, monkeypatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(NoCredentials):
        list(tracks_of([CatalogRow("a", f"s3://{bucket}/a")]))


@pytest.mark.parametrize(("rows", "who"), [(4, "here"), (5, "there")])
def test_only_a_large_file_is_looked_up_by_others(tmp_path: Path, rows: int, who: str) -> None:
    uris = [f"{tmp_path}/{number}" for number in range(rows)]
    for uri in uris:
        Path(uri).write_bytes(b"12")

    def there(found: Iterator[CatalogRow]) -> Iterator[HeadResult]:
        return ((Track(f"{row.track_id} there", row.uri, "e", 2), None) for row in found)

    tracks = list(tracks_of((CatalogRow("here", uri) for uri in uris), look_up_many=there, few_rows=4))
    assert [track.uri for track in tracks] == uris
    assert {track.track_id.split()[-1] for track in tracks} == {who}


def test_errors_that_others_return_count_like_our_own(tmp_path: Path) -> None:
    rows = [CatalogRow(str(number), f"{tmp_path}/{number}") for number in range(5)]

    def failing(error: StorageError) -> LookUp:
        return lambda found: ((Track(row.track_id, row.uri, "", -1), error) for row in found)

    with pytest.raises(NoConnection, match="down"):
        list(tracks_of(rows, look_up_many=failing(NoConnection("down")), few_rows=1))
    with pytest.raises(UserError, match="3 consecutive tracks"):
        list(tracks_of(rows, 3, look_up_many=failing(AccessDenied("no")), few_rows=1))


def test_a_look_up_says_when_the_object_was_written(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"12")
    (track,) = tracks_of([CatalogRow("a", f"{tmp_path}/a.mp3")])
    assert track.modified_at
    assert track.modified_at.timestamp() == pytest.approx((tmp_path / "a.mp3").stat().st_mtime)
