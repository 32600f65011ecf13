"""What must be true of a table, whatever happened to the drivers that wrote it."""

import hashlib
from functools import cache

from genre_batch.catalog.track import Track
from genre_batch.sink import layout
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.record import CommitRecord
from genre_batch.storage.store import Store


def everything(store: Store, output: str) -> dict[str, bytes]:
    """All objects below `output`, by path."""
    root = layout.at(output, "")
    return {found.uri.removeprefix(root): store.read(found.uri) for found in store.list(root)}


def rows_of(store: Store, output: str, record: CommitRecord) -> list[tuple[str, str]]:
    """(track_id, etag) of the rows in the files of a marker, whose hashes are checked."""
    rows: list[tuple[str, str]] = []
    for file in record.files:
        data = store.read(layout.at(output, file.path))
        assert hashlib.sha256(data).hexdigest() == file.sha256
        keys = _keys(data)
        assert len(keys) == file.rows
        assert keys == sorted(keys)
        rows += keys
    assert len(rows) == record.counts.scored + record.counts.rejected
    return rows


def check_shards(store: Store, output: str, plan: RunPlan, shards: list[list[Track]]) -> list[CommitRecord]:
    """The records of all committed shards, each checked: scored + rejected = its tracks, each once, as listed."""
    ledger = Ledger(store, output, plan)
    records = [ledger.record(shard) for shard in sorted(ledger.shards())]
    for record in records:
        assert sorted(rows_of(store, output, record)) == [(t.track_id, t.etag) for t in shards[record.shard]]
    return records


def visible_tracks(store: Store, output: str) -> list[str]:
    """The track_ids that a reader of all Parquet files sees, uncommitted ones too."""
    files = [data for path, data in everything(store, output).items() if path.startswith(("scores/", "rejects/"))]
    return sorted(track_id for data in files for track_id, _ in _keys(data))


@cache
def _keys(data: bytes) -> list[tuple[str, str]]:
    """(track_id, etag) of each row; the interleaving tests see the same few files thousands of times."""
    table = read_columns(data, ["track_id", "etag"], "a test's file")
    return list(zip(table["track_id"].to_pylist(), table["etag"].to_pylist(), strict=True))
