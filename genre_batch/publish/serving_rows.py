"""The rows of the serving table: flat, one a track and publication, from the answers of the runs that changed."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.model.taxonomy_map import TaxonomyMap
from genre_batch.publish.labels import relabelled
from genre_batch.publish.pointer import Published
from genre_batch.sink import layout
from genre_batch.sink.finish import RunManifest
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.schema import SCORES, file_schema
from genre_batch.sink.tables import nth_pair
from genre_batch.storage.store import Store

_TIME = pa.timestamp("us", tz="UTC")
_LABELS = ("genre", "confidence", "genre_2", "confidence_2", "genre_3", "confidence_3")
SERVING = pa.schema(
    [
        ("track_id", pa.string()),
        *((name, pa.float32() if name.startswith("confidence") else pa.string()) for name in _LABELS),
        ("abstained", pa.bool_()),
        ("model_id", pa.string()),
        ("embedding", SCORES.field("embedding").type),
        ("deleted", pa.bool_()),
        ("event_timestamp", _TIME),
        ("created_timestamp", _TIME),
        ("etag", pa.string()),
        ("run_id", pa.string()),
        ("step", pa.string()),
    ]
)
"""Columns of `serving`. `event_timestamp` is when the step was published, `created_timestamp` when the row was made.

genre is null if the model abstains. A track that is no longer served has a row with nulls from genre to abstained;
`deleted` says whether it is gone from the catalog. etag: the version of the bytes that were labelled.
"""
_LABELLED = pa.schema([SERVING.field(name) for name in ("track_id", *_LABELS, "abstained", "embedding")])
_FROM_SCORES = ("track_id", "genre", "confidence", "top_k", "abstained", "embedding")
_READERS = 8


@dataclass(frozen=True, slots=True)
class ServingRows:
    """Makes the rows of one step. mapping: the labels that answers get, None for those of the model."""

    store: Store
    output: str
    step: Published
    manifests: Mapping[str, RunManifest]
    mapping: TaxonomyMap | None

    def rows(self, changed: pa.Table, created_at: datetime) -> pa.Table:
        """The rows for `changed`, which has the columns of `changes.CHANGES`, in its order.

        Raises DamageFound if a file with answers is missing or damaged.
        """
        answered = changed.filter(pc.is_valid(changed["shard"]))
        pairs = answered.select(["run_id", "shard"]).group_by(["run_id", "shard"]).aggregate([]).to_pylist()
        with ThreadPoolExecutor(_READERS) as readers:
            shards = list(readers.map(lambda pair: self._shard(answered, pair["run_id"], pair["shard"]), pairs))
        labels = pa.concat_tables([_LABELLED.empty_table(), *shards])
        place = pc.index_in(changed["track_id"], value_set=labels["track_id"].combine_chunks())
        known = labels.drop_columns("track_id").take(place.combine_chunks())
        constants = {
            "model_id": self.step.model_id,
            "event_timestamp": self.step.at,
            "created_timestamp": created_at,
            "step": self.step.step,
        }
        found = {name: changed[name] for name in ("track_id", "etag", "run_id", "deleted")}
        found |= {name: known[name] for name in known.column_names}
        for name, value in constants.items():
            found[name] = pa.repeat(pa.scalar(value, SERVING.field(name).type), changed.num_rows)
        return pa.table({name: found[name] for name in SERVING.names}, schema=SERVING)

    def _shard(self, answered: pa.Table, run_id: str, shard: int) -> pa.Table:
        """The labels of those tracks whose answers are in this shard."""
        here = pc.and_(pc.equal(answered["run_id"], run_id), pc.equal(answered["shard"], shard))
        plan = self.manifests[run_id].plan
        path = layout.answers_path(plan, shard)
        known = set(file_schema("scores", plan.schema_version).names)
        data = self.store.read(layout.at(self.output, path))
        rows = read_columns(data, [name for name in _FROM_SCORES if name in known], path, self.output)
        rows = rows.filter(pc.is_in(rows["track_id"], value_set=answered["track_id"].filter(here).combine_chunks()))
        return self._labelled(rows)

    def _labelled(self, rows: pa.Table) -> pa.Table:
        """The rows of `scores` with flat columns, relabelled."""
        if self.mapping is not None:
            rows = relabelled(rows, self.mapping)
        top_k = rows["top_k"].combine_chunks()
        others = [nth_pair(top_k, number, name) for number in (1, 2) for name in ("genre", "probability")]
        embedding = (
            rows["embedding"]
            if "embedding" in rows.column_names
            else pa.nulls(rows.num_rows, SERVING.field("embedding").type)
        )
        first = (rows[name] for name in ("track_id", "genre", "confidence"))
        columns: Sequence[object] = [*first, *others, rows["abstained"], embedding]
        return pa.table(dict(zip(_LABELLED.names, columns, strict=True)), schema=_LABELLED)
