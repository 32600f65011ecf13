"""For readers, in a notebook or a service: the current answer for each track of an output, on S3 or on this machine.

A run only ever adds rows, so a track that changed has several. The rule (`publish/rule.py`):

- The outcomes of a track are its answers and its permanent rejects. A transient reject is not an outcome, because the
  next run tries the track again; nor is a reject of a version (`etag`) that has an answer.
- The outcome from the newest run is the current one. If it is an answer, the track has this answer and no other. If it
  is a reject, the track has none: the bytes that were answered are no longer those at its URI.

So a track keeps its answer while a newer version of it cannot be read. Once something was published, readers get the
published runs only, and a track that was published as deleted has no answer.
"""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from operator import and_
from typing import TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from genre_batch.catalog.source import user_errors
from genre_batch.errors import DamageFound, UsageError, UserError
from genre_batch.model.taxonomy_map import TaxonomyMap, read_taxonomy_map
from genre_batch.publish.labels import read_relabelled
from genre_batch.publish.rule import TRANSIENT_REASONS, are_newest
from genre_batch.publish.served import PARTITIONED_BY, Served, gone_rows, served_rows
from genre_batch.sink import layout
from genre_batch.sink.run_facts import is_run_id
from genre_batch.storage.open_store import absolute, open_store
from genre_batch.storage.uri import is_s3, local_path, split_s3

StrPath = str | os.PathLike[str]
Condition = tuple[str, str, object]
Filters: TypeAlias = pc.Expression | Sequence[Condition] | Sequence[Sequence[Condition]]

_FILE = re.compile(r"dt=(?P<dt>[0-9-]+)/(?P<run_id>[^/]+)-[0-9]{8}\.parquet")
_NO_COLUMN = re.compile(r"No match for FieldRef\.Name\((?P<name>.*?)\) in ")
_PARQUET = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=True, page_checksum_verification=True)
)
_READERS = 16
_BETWEEN = "\n"
_KEYS = pa.schema([(name, pa.string()) for name in ("track_id", "etag", "run_id")])
_REJECTED_KEYS = _KEYS.append(pa.field("reason", pa.string()))
_REJECT_COLUMNS = pa.schema(
    [(name, pa.string()) for name in ("track_id", "uri", "etag", "reason", "stage", "message", "run_id", "dt")]
)


def latest(
    output: StrPath,
    model: str | None = None,
    columns: Sequence[str] | None = None,
    filters: Filters | None = None,
    taxonomy: StrPath | TaxonomyMap | None = None,
) -> pd.DataFrame:
    """The current answers of one model: a row per track, or for features a row per segment.

    model: a model or a front end; None for the one that is served: the published one or, if nothing was published,
    that of the newest run that did not fail. columns: what to read, in this order; None for all, with the partitions
    `model` (or `front_end`) and `dt` at the end. Each column left out saves time and memory, `top_k` most of all.
    filters: which of the current rows to return, as an expression of `pyarrow.compute` or as tuples like those of
    `pandas.read_parquet`. taxonomy: the CSV file of `publish --map`, or what `read_taxonomy_map` returns: `genre`,
    `confidence` and `top_k` have its labels with summed probabilities, before the filters. With both, all columns are
    read.

    Raises UsageError for an output without a table, an unknown model or column, or a map that does not fit, DamageFound
    for a file that is not Parquet, and UserError if the storage cannot be read or a file is removed while it is read.

    >>> from genre_batch import table
    >>> table.latest("my-output", columns=["track_id", "genre", "confidence"], filters=[("genre", "==", "jazz")])
      track_id genre  confidence
    0    a.mp3  jazz        0.75
    1    c.mp3  jazz        0.75
    >>> table.latest("my-output", columns=["track_id", "genre", "confidence"], taxonomy="map.csv")
      track_id genre  confidence
    0    b.mp3  loud        1.00
    1    a.mp3   old        0.75
    2    c.mp3   old        0.75
    """
    answers = dataset(output, model)
    with read_errors(output, answers.schema):
        chosen = pq.filters_to_expression(filters) if isinstance(filters, Sequence) else filters
        if taxonomy is None:
            rows = answers.to_table(None if columns is None else list(columns), filter=chosen)
        else:
            mapping = taxonomy if isinstance(taxonomy, TaxonomyMap) else read_taxonomy_map(os.fspath(taxonomy))
            rows = read_relabelled(answers, mapping, columns, chosen)
    # as Python objects, the pairs of `top_k` would take kilobytes a track
    nested = {field.type: pd.ArrowDtype(field.type) for field in rows.schema if pa.types.is_nested(field.type)}
    frame: pd.DataFrame = rows.to_pandas(types_mapper=nested.get, split_blocks=True, self_destruct=True)
    return frame


def dataset(output: StrPath, model: str | None = None) -> ds.Dataset:
    """The rows of `latest` as a `pyarrow.dataset.Dataset`, which reads them lazily.

    DuckDB and Polars take it as a table. Its columns are those of all files, null where a file has no such column. It
    covers the files that exist now; if they are from several runs, the keys of their rows are read immediately.

    Raises what `latest` raises.

    >>> import pyarrow.compute as pc
    >>> from genre_batch import table
    >>> answers = table.dataset("my-output")
    >>> answers.count_rows(filter=pc.field("confidence") > 0.5)
    3
    >>> answers.to_table(columns=["genre"]).group_by("genre").aggregate([("genre", "count")]).to_pylist()
    [{'genre': 'rock', 'genre_count': 1}, {'genre': 'jazz', 'genre_count': 2}]
    """
    root = absolute(os.fspath(output))
    with user_errors():
        served = served_rows(open_store(root), root, model)
    with read_errors(output):
        answers, rejects = _Files(root, served.table, served), _Files(root, "rejects", served)
        rows = answers.dataset(answers.schema())
        gone = gone_rows(served)
        superseded = _superseded(answers, rejects, gone)
        return rows.filter(_all_but(superseded)) if len(superseded) else rows


def unanswered(output: StrPath, model: str | None = None) -> ds.Dataset:
    """The newest reject of each track that has no current answer, as rows of `rejects`.

    Also if that reject is transient. Tracks that were published as deleted are left out. The keys of all rejects are
    read immediately. Raises what `latest` raises.
    """
    root = absolute(os.fspath(output))
    with user_errors():
        served = served_rows(open_store(root), root, model)
    with read_errors(output):
        rejects = _Files(root, "rejects", served)
        rows = rejects.dataset(_REJECT_COLUMNS)
        keys = rejects.dataset(_REJECTED_KEYS).to_table(columns=["track_id", "run_id"])
        newest = keys.group_by("track_id").aggregate([("run_id", "max")])
        gone = gone_rows(served)["track_id"]
        rejected = ds.field("track_id").isin(newest["track_id"].combine_chunks())
        answered = dataset(output, served.model).to_table(["track_id"], filter=rejected)["track_id"]
        others = pa.chunked_array([*gone.chunks, *answered.chunks], pa.string())
        left = newest.filter(pc.invert(pc.is_in(newest["track_id"], others)))
        wanted = pc.binary_join_element_wise(left["track_id"], left["run_id_max"], _BETWEEN).combine_chunks()
        pairs = pc.binary_join_element_wise(ds.field("track_id"), ds.field("run_id"), _BETWEEN)
        return rows.filter(pairs.isin(wanted))


def dedupe(answers: pd.DataFrame, rejects: pd.DataFrame | None = None) -> pd.DataFrame:
    """The current rows among `answers`: rows of one model that were not read with `latest`.

    answers: with at least the columns track_id, etag and run_id. rejects: rows of `rejects` for the same model, with
    the same columns and `reason`; without them, each track has the answer of its newest run.

    >>> import pandas
    >>> from genre_batch import table
    >>> scores = pandas.read_parquet("my-output/scores/model=texture-1")
    >>> len(scores), len(table.dedupe(scores))
    (4, 3)
    """
    if rejects is None:
        rejects = answers.head(0).assign(reason="")
    return answers[_are_current(answers[_KEYS.names], rejects[_REJECTED_KEYS.names])]


@dataclass(frozen=True, slots=True)
class _ShardFile:
    """A Parquet file of one shard; `rows` keeps its footer once that is read."""

    run_id: str
    size_bytes: int
    rows: ds.ParquetFileFragment


class _Files:
    """The files of one model in one table, oldest run first; what no run can have written is left out."""

    def __init__(self, output: str, table: str, served: Served) -> None:
        self._filesystem, root = _open_filesystem(output)
        self._key = PARTITIONED_BY[served.table]
        folder = f"{root}/{table}/{self._key}={served.model}"
        found = self._filesystem.get_file_info(pafs.FileSelector(folder, allow_not_found=True, recursive=True))
        self._files: list[_ShardFile] = []
        for info in sorted(found, key=lambda info: info.base_name):
            match = _FILE.fullmatch(info.path.removeprefix(f"{folder}/")) if info.is_file else None
            if match and is_run_id(match["run_id"]) and (served.runs is None or match["run_id"] in served.runs):
                known = {self._key: served.model, **match.groupdict()}
                expression = reduce(and_, (ds.field(name) == value for name, value in known.items()))
                rows = _PARQUET.make_fragment(info.path, self._filesystem, expression, file_size=info.size)
                self._files.append(_ShardFile(match["run_id"], info.size, rows))

    def bytes_by_run(self) -> Counter[str]:
        """The size of each run's files."""
        sizes = Counter[str]()
        for file in self._files:
            sizes[file.run_id] += file.size_bytes
        return sizes

    def schema(self) -> pa.Schema:
        """The columns of all runs by name, nullable, then the partitions. All files of a run have the same columns."""
        one_per_run = {file.run_id: file.rows for file in self._files}.values()
        with ThreadPoolExecutor(_READERS) as readers:
            found = list(readers.map(lambda rows: rows.physical_schema, reversed(one_per_run)))
        found.append(pa.schema([(self._key, pa.string()), ("dt", pa.string())]))
        return pa.unify_schemas([pa.schema([field.with_nullable(True) for field in schema]) for schema in found])

    def dataset(self, schema: pa.Schema, runs: Collection[str] | None = None) -> ds.Dataset:
        """The rows of these runs, or of all, with the columns of `schema`."""
        fragments = [file.rows for file in self._files if runs is None or file.run_id in runs]
        return ds.FileSystemDataset(fragments, schema, _PARQUET, self._filesystem)


def _open_filesystem(output: str) -> tuple[pafs.FileSystem, str]:
    """The file system of `output`, and the path of `output` in it."""
    if not is_s3(output):
        return pafs.LocalFileSystem(), local_path(output).rstrip("/")
    from genre_batch.storage.arrow_s3 import open_arrow_s3

    return open_arrow_s3(), "/".join(split_s3(output)).rstrip("/")


def _superseded(answers: _Files, rejects: _Files, gone: pa.Table) -> pa.Table:
    """track_id and run_id of the answers that are not current.

    The largest run is often the first, over the whole catalog: of its keys only those that occur elsewhere are held.
    """
    nothing = _KEYS.empty_table()
    sizes = answers.bytes_by_run()
    if not sizes or (len(sizes | rejects.bytes_by_run()) < 2 and not gone.num_rows):
        return nothing
    largest = max(sizes, key=sizes.__getitem__)
    rejected = rejects.dataset(_REJECTED_KEYS).to_table(filter=~ds.field("reason").isin(TRANSIENT_REASONS))
    rejected = pa.concat_tables([rejected.cast(_REJECTED_KEYS), gone])
    others = answers.dataset(_KEYS, sizes.keys() - {largest}).to_table()
    elsewhere = pa.chunked_array([*others["track_id"].chunks, *rejected["track_id"].chunks], pa.string())
    if not len(elsewhere):
        return nothing
    shared = answers.dataset(_KEYS, {largest}).to_table(filter=ds.field("track_id").isin(elsewhere))
    keys = pa.concat_tables([shared, others])
    return keys.filter(pa.array(~_are_current(keys.to_pandas(), rejected.to_pandas())))


def _are_current(answers: pd.DataFrame, rejects: pd.DataFrame) -> "pd.Series[bool]":
    """For each of `answers` whether it is current, by the rule; both have the columns of their keys."""
    outcomes = pd.concat([answers, rejects[~rejects["reason"].isin(TRANSIENT_REASONS)]], ignore_index=True)
    return pd.Series(are_newest(outcomes, len(answers)).to_numpy()[: len(answers)], answers.index)


def _all_but(superseded: pa.Table) -> ds.Expression:
    """What is true for all rows but these. Arrow knows the run of a file, and passes those over that have none."""
    excluded = pc.binary_join_element_wise(superseded["track_id"], superseded["run_id"], _BETWEEN)
    pairs = pc.binary_join_element_wise(ds.field("track_id"), ds.field("run_id"), _BETWEEN)
    return ~ds.field("run_id").isin(superseded["run_id"].unique()) | ~pairs.isin(excluded)


@contextmanager
def read_errors(output: StrPath, schema: pa.Schema | None = None) -> Iterator[None]:
    """The errors of reading `output` as errors that its user can act on. schema: the columns that may be named."""
    try:
        yield
    except pa.ArrowInvalid as error:
        missing = _NO_COLUMN.search(str(error))
        if missing is None or schema is None:
            raise DamageFound(
                f"a file of {str(output)!r} is damaged: {error}", layout.repair_hint(str(output))
            ) from error
        near = get_close_matches(missing["name"], schema.names, n=1)
        raise UsageError(
            f"there is no column {missing['name']!r} in {str(output)!r}",
            f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(schema.names)}",
        ) from error
    except FileNotFoundError as error:
        raise UserError(f"a file of {str(output)!r} was removed while it was read", "read again") from error
