"""Answers with the labels of a taxonomy map. A publication's map is kept, so that its rows can be made at any time."""

import hashlib
from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from genre_batch.errors import UsageError
from genre_batch.model.taxonomy_map import TaxonomyMap
from genre_batch.sink import layout
from genre_batch.sink.finish import RunManifest
from genre_batch.sink.json_records import parse, to_json
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.tables import nth_pair
from genre_batch.storage.store import Store

_RELABELLED = ("genre", "confidence", "top_k")


def labels_path(mapping: TaxonomyMap) -> str:
    """Where the map is kept: the same map has the same path."""
    return layout.taxonomy_path(hashlib.sha256(to_json(mapping)).hexdigest())


def keep_labels(store: Store, output: str, mapping: TaxonomyMap) -> None:
    """Keep the map, unless it is kept already."""
    store.create(layout.at(output, labels_path(mapping)), to_json(mapping))


def read_labels(store: Store, output: str, path: str) -> TaxonomyMap:
    """The map that is kept at `path`. Raises ObjectGone or DamageFound if it is missing or damaged."""
    uri = layout.at(output, path)
    return parse(store.read(uri), TaxonomyMap, uri, output)


def check_labels(store: Store, output: str, mapping: TaxonomyMap, manifests: Iterable[RunManifest]) -> None:
    """Raise UsageError if a genre in `top_k` of these runs is not in the map. Reads that column of all their files."""
    for manifest in manifests:
        for file in manifest.files:
            if layout.table_of(file.path) == "scores":
                data = store.read(layout.at(output, file.path))
                pairs = pc.list_flatten(read_columns(data, ["top_k"], file.path, output)["top_k"])
                mapping.check(pc.unique(pc.struct_field(pairs, "genre")).to_pylist())


def relabelled(rows: pa.Table, mapping: TaxonomyMap) -> pa.Table:
    """Rows of `scores` with other labels in genre, confidence and top_k; where the model abstains, genre stays null.

    Raises UsageError for a genre in `top_k` that is not in the map.
    """
    top_k = mapping.relabel(rows["top_k"])
    genre = pc.if_else(pc.is_null(rows["genre"]), None, nth_pair(top_k, 0, "genre"))
    for name, values in zip(_RELABELLED, (genre, nth_pair(top_k, 0, "probability"), top_k), strict=True):
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), values)
    return rows


def read_relabelled(
    answers: ds.Dataset, mapping: TaxonomyMap, columns: Sequence[str] | None, condition: pc.Expression | None
) -> pa.Table:
    """These columns, or all, of the rows of `answers` with other labels that meet the condition.

    The condition is about the new labels, so with one, all columns are read, a batch at a time. Raises UsageError if
    the answers are features, and what `relabelled` raises.
    """
    names = answers.schema.names
    if "top_k" not in names:
        raise UsageError("features have no labels that a taxonomy map could change", "leave the map out")
    wanted = names if columns is None else list(columns)
    batches = answers.to_batches(columns=[*dict.fromkeys([*wanted, *(_RELABELLED if condition is None else names)])])
    parts = []
    for batch in batches:
        rows = relabelled(pa.Table.from_batches([batch]), mapping)
        parts.append((rows if condition is None else rows.filter(condition)).select(wanted))
    return pa.concat_tables([answers.schema.empty_table().select(wanted), *parts])
