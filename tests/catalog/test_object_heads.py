from itertools import count, islice
from pathlib import Path

import pytest

from genre_batch.catalog.catalog_file import CatalogRow
from genre_batch.catalog.object_heads import tracks_of
from genre_batch.catalog.track import Track
from genre_batch.storage.local import LocalStore
from genre_batch.storage.s3 import S3Store
from genre_batch.storage.store import NoCredentials


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
