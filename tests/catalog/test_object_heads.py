from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import pytest
from fault_rules import Fault, Rule
from faulty_proxy import FaultyProxy
from s3_server import S3Server

from genre_batch.catalog.catalog_file import CatalogRow
from genre_batch.catalog.object_heads import tracks_of
from genre_batch.catalog.track import Track
from genre_batch.errors import UserError
from genre_batch.storage.local import LocalStore
from genre_batch.storage.s3 import S3Store
from genre_batch.storage.store import NoConnection, NoCredentials


def test_tracks_come_in_the_order_of_the_rows(bucket: str, tmp_path: Path) -> None:
    uris = [f"s3://{bucket}/{number}" for number in range(150)] + [f"{tmp_path}/local"]
    for uri in uris:
        (S3Store() if uri.startswith("s3") else LocalStore()).write(uri, uri.encode())
    tracks = list(tracks_of(CatalogRow(f"id of {uri}", uri) for uri in uris))
    assert [track.uri for track in tracks] == uris
    assert tracks[7] == Track(f"id of {uris[7]}", uris[7], S3Store().head(uris[7]).etag, len(uris[7]))


def test_what_is_gone_is_still_a_track(bucket: str, tmp_path: Path) -> None:
    uris = [f"s3://{bucket}/missing", f"{tmp_path}/missing", "s3://no-such-bucket-here/a"]
    tracks = list(tracks_of(CatalogRow(uri, uri) for uri in uris))
    assert tracks == [Track(uri, uri, "", -1) for uri in uris]


@pytest.mark.parametrize("name", ["zero\0byte", "n" * 300, "loop", "broken", "s3://no bucket/a", "s3://music"])
def test_what_can_never_be_read_is_still_a_track(moto_s3: S3Server, tmp_path: Path, name: str) -> None:
    (tmp_path / "good").write_bytes(b"sound")
    (tmp_path / "loop").symlink_to("loop")
    # reading this one is an I/O error, as it is on a broken disk
    (tmp_path / "broken").symlink_to("/proc/self/mem")
    uri = name if name.startswith("s3") else f"{tmp_path}/{name}"
    tracks = list(tracks_of(CatalogRow(uri, uri) for uri in (uri, f"{tmp_path}/good")))
    assert tracks[0] == Track(uri, uri, "", -1)
    assert tracks[1].size_bytes == 5


@pytest.fixture
def proxy(moto_s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    with FaultyProxy(moto_s3.endpoint).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
        yield proxy


def rows_of(bucket: str, names: Iterator[str]) -> Iterator[CatalogRow]:
    return (CatalogRow(name, f"s3://{bucket}/{name}") for name in names)


@pytest.mark.parametrize(("fault", "words"), [(Fault.DENIED, "may not be read"), (Fault.SLOW_DOWN, "cannot be read")])
def test_so_many_failures_in_a_row_end_it_and_others_do_not(
    proxy: FaultyProxy, bucket: str, fault: Fault, words: str
) -> None:
    proxy.follow(Rule(fault, "HEAD", keys="bad"))
    mixed = [f"{name}{number}" for number in range(6) for name in ("bad", "bad", "gone")]
    assert {track.size_bytes for track in tracks_of(rows_of(bucket, iter(mixed)), 3)} == {-1}
    assert len(list(tracks_of(rows_of(bucket, (f"bad{number}" for number in range(5))), None))) == 5
    taken: list[Track] = []
    with pytest.raises(UserError, match=f"stopped: 3 tracks in a row {words}") as ended:
        taken.extend(tracks_of(rows_of(bucket, (f"bad{number}" for number in count())), 3))
    assert len(taken) == 2
    assert ended.value.exit_code == 1
    assert "max_denied_in_a_row=null" in ended.value.hint


def test_a_server_that_is_not_there_ends_it_at_once(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_missing_credentials_end_it(bucket: str, monkeypatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(NoCredentials):
        list(tracks_of([CatalogRow("a", f"s3://{bucket}/a")]))
