from pathlib import Path

import pytest

from genre_batch.catalog.catalog_file import CatalogRow, catalog_rows, is_catalog_file
from genre_batch.errors import UsageError


def rows(path: Path, text: str) -> list[CatalogRow]:
    path.write_bytes(text.encode())
    return list(catalog_rows(str(path)))


def test_the_name_tells_a_catalog_file_from_a_prefix() -> None:
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


def test_relative_uris_count_from_the_folder_of_the_file(tmp_path: Path, monkeypatch) -> None:
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


@pytest.mark.parametrize("uri", ["https://music.example/a.mp3", '""', "s3://"])
def test_a_row_without_a_usable_uri_is_named(tmp_path: Path, uri: str) -> None:
    with pytest.raises(UsageError, match=r"line 3: no usable URI: ") as caught:
        rows(tmp_path / "a.csv", f"uri,track_id\na.mp3,1\n{uri},2\n")
    assert caught.value.hint
