"""The taxonomy map of a publication: kept beside the step, so that its rows can be made at any time."""

import hashlib
from collections.abc import Iterable

import pyarrow.compute as pc

from genre_batch.model.taxonomy_map import TaxonomyMap
from genre_batch.sink import layout
from genre_batch.sink.finish import RunManifest
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.pointer import parse, to_json
from genre_batch.storage.store import Store


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
