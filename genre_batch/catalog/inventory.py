"""S3 Inventory: the list of its objects that a bucket writes every day or week, read instead of listing the bucket."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genre_batch.catalog.inventory_delivery import newest_manifest
from genre_batch.catalog.prefix import ListingCount, OnProgress
from genre_batch.catalog.sorted_runs import TrackRuns
from genre_batch.catalog.text_rows import open_parquet, refuse_extensions
from genre_batch.catalog.track_table import listed_rows, times_of
from genre_batch.errors import UsageError
from genre_batch.storage.object_file import ObjectFile
from genre_batch.storage.open_store import RequestPayer, open_store

_NAME = "manifest.json"
_REQUIRED = ("bucket", "key", "size", "etag")
_FLAGS = ("islatest", "isdeletemarker")
_MODIFIED = "lastmodifieddate"
_SECONDS = len("2026-11-29T01:00:00")
_READ_BYTES = 8 << 20
_READ_ROWS = 50_000
_RUN_ROWS = 1024
_BUCKET_ARN = ":s3:::"


class InventoryPart(BaseModel):
    """One data file of an inventory; `key` is its key in the destination bucket."""

    model_config = ConfigDict(frozen=True)

    key: str
    size_bytes: int = Field(alias="size", ge=0)


class InventoryManifest(BaseModel):
    """What `manifest.json` says of an inventory. file_schema: the names of the columns, which CSV files do not hold."""

    model_config = ConfigDict(frozen=True)

    destination: str = Field(alias="destinationBucket", min_length=1)
    file_format: Literal["CSV", "ORC", "Parquet"] = Field(alias="fileFormat")
    file_schema: str = Field(alias="fileSchema")
    files: tuple[InventoryPart, ...]

    def uri(self, part: InventoryPart) -> str:
        """The URI of a data file."""
        return f"s3://{self.destination.rpartition(_BUCKET_ARN)[2]}/{part.key}"


def is_inventory(source: str) -> bool:
    """Whether a source is the manifest of an S3 Inventory rather than a prefix, judged by its name."""
    return source.rpartition("/")[2] == _NAME


def add_inventory(
    runs: TrackRuns, manifest_uri: str, on_progress: OnProgress, request_payer: RequestPayer | None = None
) -> None:
    """Add the tracks of an inventory to `runs`. Raises what `inventory_batches` raises."""
    count = ListingCount(on_progress)
    for batch in inventory_batches(manifest_uri, request_payer):
        rows = pa.Table.from_batches([batch.take(pc.sort_indices(batch["track_id"]))])
        runs.add_batches(count.counted(rows.to_batches(max_chunksize=_RUN_ROWS)))


def inventory_batches(manifest_uri: str, request_payer: RequestPayer | None = None) -> Iterator[pa.RecordBatch]:
    """The objects of an inventory as tracks, in the order of its files: the latest version of each, no delete markers.

    Objects that only represent a folder are left out. manifest_uri: see `newest_manifest`. request_payer: see
    `open_store`. Raises UsageError if the manifest or a file cannot be parsed or has no size or etag, and what the
    store raises.
    """
    manifest_uri, data = newest_manifest(manifest_uri, request_payer)
    manifest = _manifest(data, manifest_uri)
    for part in manifest.files:
        uri = manifest.uri(part)
        stored = ObjectFile(open_store(uri, request_payer), uri)
        if stored.seek(0, io.SEEK_END) != part.size_bytes:
            raise UsageError(f"{uri!r} does not have the size that {manifest_uri!r} says.", "use another inventory")
        stored.seek(0)
        with _readable(uri, manifest.file_format):
            for batch in _rows(stored, uri, manifest):
                yield _tracks(batch, uri)


def _manifest(data: bytes, uri: str) -> InventoryManifest:
    try:
        return InventoryManifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"{where}: {first['msg']}" if where else first["msg"]
        raise UsageError(
            f"{uri!r} is not the manifest of an S3 Inventory: {reason}.", "give the manifest.json that S3 wrote"
        ) from error


@contextmanager
def _readable(uri: str, file_format: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        # Arrow raises OSError for damaged pages; errors of a store are not OSErrors
        raise UsageError(f"{uri!r} is not a {file_format} file that can be read.", "use another inventory") from error


def _rows(stored: ObjectFile, uri: str, manifest: InventoryManifest) -> Iterator[pa.RecordBatch]:
    match manifest.file_format:
        case "CSV":
            return _csv(stored, uri, manifest.file_schema)
        case "ORC":
            return _orc(stored, uri)
        case "Parquet":
            return _parquet(stored, uri)


def _parquet(stored: ObjectFile, uri: str) -> Iterator[pa.RecordBatch]:
    file = open_parquet(stored, uri)
    yield from file.iter_batches(_READ_ROWS, columns=_wanted(file.schema_arrow.names, uri))


def _orc(stored: ObjectFile, uri: str) -> Iterator[pa.RecordBatch]:
    from pyarrow import orc

    file = orc.ORCFile(pa.PythonFile(stored, mode="r"))
    refuse_extensions(uri, list(file.schema))
    columns = _wanted(file.schema.names, uri)
    for stripe in range(file.nstripes):
        rows = pa.Table.from_batches([file.read_stripe(stripe, columns=columns)])
        yield from rows.to_batches(max_chunksize=_READ_ROWS)


def _csv(stored: ObjectFile, uri: str, schema: str) -> Iterator[pa.RecordBatch]:
    from pyarrow import csv

    names = [name.strip() for name in schema.split(",")]
    wanted = _wanted(names, uri)
    unpacked = pa.CompressedInputStream(pa.PythonFile(io.BufferedReader(stored, _READ_BYTES), mode="r"), "gzip")
    rows = csv.open_csv(
        unpacked,
        read_options=csv.ReadOptions(column_names=names, block_size=_READ_BYTES),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), include_columns=wanted),
    )
    for batch in rows:
        # S3 encodes keys only in CSV files
        keys = pa.array([unquote_plus(key, errors="strict") for key in batch[wanted[1]].to_pylist()], pa.string())
        yield batch.set_column(1, wanted[1], keys)


def _plain(name: str) -> str:
    """A column name as all formats share it: CSV says `ETag` and `IsLatest`, the others `e_tag` and `is_latest`."""
    return name.lower().replace("_", "")


def _wanted(names: Sequence[str], uri: str) -> list[str]:
    """The columns to read by their own names, the required ones first and in order."""
    own = {_plain(name): name for name in names}
    for column in _REQUIRED:
        if column not in own:
            raise UsageError(
                f"the inventory file {uri!r} has no column for {column}.",
                "add Size and ETag to the optional fields of the inventory configuration",
            )
    return [own[column] for column in (*_REQUIRED, *_FLAGS, _MODIFIED) if column in own]


def _tracks(batch: pa.RecordBatch, uri: str) -> pa.RecordBatch:
    batch = batch.rename_columns([_plain(name) for name in batch.schema.names])
    batch = batch.filter(_current(batch))
    texts = {name: batch[name].cast(pa.string()) for name in ("bucket", "key", "etag")}
    if texts["bucket"].null_count or texts["key"].null_count:
        raise UsageError(f"the inventory file {uri!r} has rows without a bucket or key.", "use another inventory")
    uris = pc.binary_join_element_wise("s3:/", texts["bucket"], texts["key"], "/")
    sizes = pc.fill_null(batch["size"].cast(pa.int64()), -1)
    etags = pc.replace_substring(pc.fill_null(texts["etag"], ""), '"', "")
    tracks = listed_rows(uris, uris, etags, sizes, _times(batch))
    tracks.validate(full=True)
    return tracks.filter(pc.or_(pc.not_equal(sizes, 0), pc.invert(pc.ends_with(uris, "/"))))


def _times(batch: pa.RecordBatch) -> pa.Array | None:
    """When each object was written, which ORC and Parquet files have as times and CSV files as text; None: unknown."""
    if _MODIFIED not in batch.schema.names:
        return None
    times = batch[_MODIFIED]
    if pa.types.is_timestamp(times.type):
        return times.cast(pa.timestamp("us"), safe=False).cast(pa.timestamp("us", "UTC"))
    return times_of(pc.utf8_slice_codeunits(times.cast(pa.string()), 0, _SECONDS).to_pylist())


def _current(batch: pa.RecordBatch) -> pa.Array:
    """Which rows are the latest version of an object that is not deleted; without the columns, all are."""
    latest = pa.array([True] * len(batch), pa.bool_())
    for name, unwanted in zip(_FLAGS, ("false", "true"), strict=True):
        if name in batch.schema.names:
            text = pc.utf8_lower(pc.fill_null(batch[name].cast(pa.string()), ""))
            latest = pc.and_(latest, pc.not_equal(text, unwanted))
    return latest
