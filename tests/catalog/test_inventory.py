import gzip
import hashlib
import io
import json
from dataclasses import dataclass
from urllib.parse import quote_plus

import botocore.client
import pyarrow as pa
import pyarrow.csv
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
from s3_server import S3Server

from genre_batch.catalog.inventory import inventory_batches, is_inventory
from genre_batch.catalog.name_patterns import selection_for
from genre_batch.catalog.source import list_tracks
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import one_by_one
from genre_batch.errors import UsageError

FORMATS = ["CSV", "ORC", "Parquet"]
KEYS = ["a b+c%20.mp3", "music/é/😀.flac", "music/z.wav", "%2F/x=1&y#.ogg", 'a"b,c.mp3']
CSV_NAMES = {
    "version_id": "VersionId",
    "is_latest": "IsLatest",
    "is_delete_marker": "IsDeleteMarker",
    "e_tag": "ETag",
    "last_modified_date": "LastModifiedDate",
}


@dataclass(frozen=True)
class Versions:
    """A bucket with objects that were replaced and deleted, and the inventory rows of all versions."""

    music: str
    rows: list[dict[str, object]]
    current: list[Track]


@pytest.fixture(scope="module")
def versions(moto_s3: S3Server) -> Versions:
    client, bucket = moto_s3.client, moto_s3.new_bucket()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in [*KEYS, "gone.mp3", "cover.jpg", "music/"]:
        client.put_object(Bucket=bucket, Key=key, Body=b"" if key.endswith("/") else key.encode())
    client.put_object(Bucket=bucket, Key="music/z.wav", Body=b"the newer one")
    client.delete_object(Bucket=bucket, Key="gone.mp3")
    found = client.list_object_versions(Bucket=bucket)
    rows = [
        {"key": v["Key"], "version_id": v["VersionId"], "is_latest": v["IsLatest"], "is_delete_marker": False}
        | {"size": v["Size"], "last_modified_date": v["LastModified"], "e_tag": v["ETag"].strip('"')}
        for v in found["Versions"]
    ]
    rows += [
        {"key": v["Key"], "version_id": v["VersionId"], "is_latest": v["IsLatest"], "is_delete_marker": True}
        | {"size": None, "last_modified_date": v["LastModified"], "e_tag": None}
        for v in found["DeleteMarkers"]
    ]
    listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    uris = [(f"s3://{bucket}/{o['Key']}", o["ETag"].strip('"'), o["Size"]) for o in listed if o["Key"] != "music/"]
    current = sorted(Track(uri, uri, etag, size) for uri, etag, size in uris)
    assert len(rows) == 10
    assert len(current) == 6
    return Versions(bucket, [{"bucket": bucket, **row} for row in rows], current)


def packed(rows: list[dict[str, object]], file_format: str) -> tuple[bytes, str]:
    """A data file as S3 writes it, and its schema."""
    table, file = pa.Table.from_pylist(rows), io.BytesIO()
    if file_format == "Parquet":
        pq.write_table(table, file)
    elif file_format == "ORC":
        pa.orc.write_table(table, file)
    else:
        keys = [quote_plus(key, safe="/") for key in table["key"].to_pylist()]
        table = table.set_column(table.schema.names.index("key"), "key", pa.array(keys))
        options = pa.csv.WriteOptions(include_header=False, quoting_style="needed")
        pa.csv.write_csv(table, file, options)
        names = ", ".join(CSV_NAMES.get(name, name.title()) for name in table.schema.names)
        return gzip.compress(file.getvalue()), names
    return file.getvalue(), "message s3.inventory { required binary bucket (STRING); }"


def put_inventory(
    moto_s3: S3Server,
    parts: list[list[dict[str, object]]],
    file_format: str,
    *,
    lists: str = "",
    delivery: str = "2026-11-29T01-00Z",
    **changes: object,
) -> str:
    lists, files, schema = lists or moto_s3.new_bucket(), [], ""
    for number, rows in enumerate(parts):
        data, schema = packed(rows, file_format)
        key = f"music/weekly/data/{delivery}-{number}"
        moto_s3.client.put_object(Bucket=lists, Key=key, Body=data)
        files.append({"key": key, "size": len(data), "MD5checksum": hashlib.md5(data).hexdigest()})
    manifest: dict[str, object] = {"sourceBucket": "music", "destinationBucket": f"arn:aws:s3:::{lists}"}
    manifest |= {"version": "2016-11-30", "creationTimestamp": "1796000000000", "fileFormat": file_format}
    manifest |= {"fileSchema": schema, "files": files, **changes}
    key, body = f"music/weekly/{delivery}/manifest.json", json.dumps(manifest).encode()
    moto_s3.client.put_object(Bucket=lists, Key=key, Body=body)
    checksum = hashlib.md5(body).hexdigest().encode()
    moto_s3.client.put_object(Bucket=lists, Key=key.replace(".json", ".checksum"), Body=checksum)
    return f"s3://{lists}/{key}"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The requests of this process as operation and bucket."""
    made: list[tuple[str, str]] = []
    call = botocore.client.BaseClient._make_api_call

    def noted(client: object, operation: str, request: dict[str, str]) -> object:
        made.append((operation, request["Bucket"]))
        return call(client, operation, request)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", noted)
    return made


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_inventory_gives_the_latest_versions_and_asks_for_no_object(
    moto_s3: S3Server, versions: Versions, calls: list[tuple[str, str]], file_format: str
) -> None:
    source = put_inventory(moto_s3, [versions.rows[:4], versions.rows[4:]], file_format)
    calls.clear()
    progress: list[tuple[int, int]] = []
    tracks = list(list_tracks(source, lambda *so_far: progress.append(so_far)))
    assert tracks == versions.current
    assert progress[-1] == (6, sum(track.size_bytes for track in tracks))
    assert calls
    assert versions.music not in {bucket for _, bucket in calls}


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_inventory_says_when_each_object_was_written(
    moto_s3: S3Server, versions: Versions, file_format: str
) -> None:
    listed = moto_s3.client.list_objects_v2(Bucket=versions.music)["Contents"]
    written = {
        f"s3://{versions.music}/{found['Key']}": found["LastModified"].replace(microsecond=0) for found in listed
    }
    for source in (put_inventory(moto_s3, [versions.rows], file_format), f"s3://{versions.music}/"):
        table = pa.Table.from_batches(list_tracks(source).batches())
        times = [time.replace(microsecond=0) for time in table["modified_at"].to_pylist()]
        assert dict(zip(table["uri"].to_pylist(), times, strict=True)).items() <= written.items()
        assert table.num_rows == 6


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_inventory_of_current_versions_has_no_columns_for_them(
    moto_s3: S3Server, versions: Versions, file_format: str
) -> None:
    latest = [row for row in versions.rows if row["is_latest"] and not row["is_delete_marker"]]
    rows = [{name: row[name] for name in ("bucket", "key", "size", "e_tag")} for row in latest]
    assert list(list_tracks(put_inventory(moto_s3, [rows], file_format))) == versions.current


def test_patterns_select_paths_below_the_bucket(moto_s3: S3Server, versions: Versions) -> None:
    source = put_inventory(moto_s3, [versions.rows], "Parquet")

    def selected(*include: str) -> list[str]:
        selection = selection_for(source, include, ("default",))
        tracks = one_by_one(selection.taken(list_tracks(source).batches()))
        return [track.uri.removeprefix(f"s3://{versions.music}/") for track in tracks]

    assert selected() == sorted(KEYS, key=str.encode)
    assert selected("music/**") == ["music/z.wav", "music/é/😀.flac"]
    assert selected("z.wav", "*.ogg") == ["%2F/x=1&y#.ogg", "music/z.wav"]


def test_a_large_inventory_is_sorted_across_its_files(moto_s3: S3Server) -> None:
    rows = [
        {"bucket": "music", "key": f"{number * 7919 % 60_000:05}", "size": 1, "e_tag": "e"} for number in range(60_000)
    ]
    parts = [rows[:55_000], rows[55_000:]]
    keys = [track.uri.rpartition("/")[2] for track in list_tracks(put_inventory(moto_s3, parts, "Parquet"))]
    assert keys == [f"{number:05}" for number in range(60_000)]


def refused(source: str) -> str:
    with pytest.raises(UsageError) as caught:
        list(list_tracks(source))
    assert caught.value.hint
    return f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_inventory_without_etags_says_how_to_get_them(
    moto_s3: S3Server, versions: Versions, file_format: str
) -> None:
    rows = [{name: row[name] for name in ("bucket", "key", "size")} for row in versions.rows]
    message = refused(put_inventory(moto_s3, [rows], file_format))
    assert "has no column for etag" in message
    assert "add Size and ETag" in message


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_damaged_file_is_named(moto_s3: S3Server, versions: Versions, file_format: str) -> None:
    data, schema = packed(versions.rows, file_format)
    bucket = moto_s3.new_bucket()
    moto_s3.client.put_object(Bucket=bucket, Key="data/1", Body=data[: len(data) // 2])
    files = [{"key": "data/1", "size": len(data) // 2}]
    changes: dict[str, object] = {"files": files, "fileSchema": schema, "destinationBucket": f"arn:aws:s3:::{bucket}"}
    source = put_inventory(moto_s3, [], file_format, **changes)
    assert f"'s3://{bucket}/data/1' is not a {file_format} file that can be read" in refused(source)
    other_size = put_inventory(moto_s3, [], file_format, **changes | {"files": [{"key": "data/1", "size": 5}]})
    assert "does not have the size that" in refused(other_size)


def test_a_missing_file_is_named(moto_s3: S3Server) -> None:
    source = put_inventory(moto_s3, [], "CSV", files=[{"key": "data/none", "size": 5}])
    assert "/data/none" in refused(source)


def test_another_manifest_is_refused(moto_s3: S3Server) -> None:
    for changes, wrong in (({"fileFormat": "Avro"}, "fileFormat"), ({"files": None}, "files")):
        message = refused(put_inventory(moto_s3, [], "CSV", **changes))
        assert "is not the manifest of an S3 Inventory" in message
        assert wrong in message
    bucket = moto_s3.new_bucket()
    moto_s3.client.put_object(Bucket=bucket, Key="manifest.json", Body=b"[")
    with pytest.raises(UsageError, match="is not the manifest of an S3 Inventory"):
        next(inventory_batches(f"s3://{bucket}/manifest.json"))


def test_the_name_distinguishes_an_inventory_from_a_prefix() -> None:
    assert is_inventory("s3://lists/music/weekly/2026-11-29T01-00Z/manifest.json")
    assert not is_inventory("s3://lists/manifest.json/")
    assert not is_inventory("s3://lists/my-manifest.json")
