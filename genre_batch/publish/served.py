"""Which rows readers get: those of one model, of all its runs or of the published ones, without deleted tracks."""

from dataclasses import dataclass

import pyarrow as pa

from genre_batch.errors import UsageError
from genre_batch.history.unlisted import GONE_SCHEMA
from genre_batch.publish.pointer import read_published
from genre_batch.sink import layout
from genre_batch.sink.finish import Latest
from genre_batch.sink.json_records import read_pointer
from genre_batch.sink.parquet import read_columns
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import Store

PARTITIONED_BY = {"scores": "model", "features": "front_end"}
"""The first partition of each table of answers."""


@dataclass(frozen=True, slots=True)
class Served:
    """Whose rows are read: those of one model in `table`, from the runs in `runs`, or from all runs.

    deleted: the URI of the file with the tracks that are gone from the catalog, if any.
    """

    table: str
    model: str
    runs: frozenset[str] | None
    deleted: str | None = None


def served_rows(store: Store, output: str, model: str | None) -> Served:
    """The rows that readers of `output` get: the only place that chooses the model and its runs."""
    tables = {
        folder.rstrip("/").rpartition(f"/{key}=")[2]: table
        for table, key in PARTITIONED_BY.items()
        for folder in store.folders(layout.at(output, f"{table}/"))
        if f"/{key}=" in folder
    }
    if not tables:
        raise UsageError(f"there is no table at {output!r}", "give the OUTPUT of `genre-batch score`, without /scores")
    names, published = ", ".join(sorted(tables)), read_published(store, output)
    if published is not None and (model is None or model in published.models):
        model = model or published.model_id
        chosen = published.models[model]
        deleted = layout.at(output, published.deleted) if published.deleted else None
        return Served(chosen.answers, model, frozenset(chosen.runs), deleted)
    if model is None:
        newest = read_pointer(store, layout.at(output, layout.LATEST), Latest)
        if newest is None:
            raise UsageError(f"no run at {output!r} has finished and not failed", f"name the model to read: {names}")
        model = newest[0].model_id
    if model not in tables:
        raise UsageError(f"there is no model {model!r} at {output!r}", f"there are {names}")
    return Served(tables[model], model, runs=None)


def gone_rows(served: Served) -> pa.Table:
    """The tracks that are gone from the catalog, as rejects: as of their run, they have no answer."""
    if served.deleted is None:
        return GONE_SCHEMA.empty_table()
    data = open_store(served.deleted).read(served.deleted)
    return read_columns(data, GONE_SCHEMA.names, served.deleted).cast(GONE_SCHEMA)
