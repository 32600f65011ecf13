"""Which tracks are served differently after a step, by ranges of track_id: memory does not grow with the table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import groupby

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.reject import NOT_TRIED
from genre_batch.catalog.sorted_runs import merge
from genre_batch.history.past_outcomes import by_track_id, shard_outcomes
from genre_batch.history.unlisted import GONE_SCHEMA
from genre_batch.publish.pointer import Published
from genre_batch.publish.rule import TRANSIENT_REASONS, are_newest
from genre_batch.sink import layout
from genre_batch.sink.finish import RunManifest
from genre_batch.sink.map_ahead import map_ahead, shards_ahead
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.record import CommitRecord, Counts
from genre_batch.storage.store import Store

CHANGES = pa.schema(
    [
        ("track_id", pa.string()),
        ("etag", pa.string()),
        ("run_id", pa.string()),
        ("shard", pa.int32()),
        ("deleted", pa.bool_()),
    ]
)
"""shard: where in its run the answer is; null if the track has none any more. run_id: that of the outcome, if any."""

_PLACED = pa.schema([*((name, pa.string()) for name in ("track_id", "etag", "reason")), ("shard", pa.int32())])
_KEYS = pa.schema([*_PLACED, ("run_id", pa.dictionary(pa.int32(), pa.string())), ("gone", pa.int8())])
_NOT_TRIED = tuple(sorted(reason.value for reason in NOT_TRIED))
_GONE_BEFORE, _GONE_AFTER = 1, 2
_RANGE_ROWS = 250_000
_READERS = 16
_ROWS_AT_ONCE = 4096


def served_runs(step: Published | None) -> tuple[str, ...]:
    """The runs whose labels a step serves; none for a table of features."""
    table = step.models[step.model_id] if step else None
    return table.runs if table and table.answers == "scores" else ()


def changes(
    store: Store, output: str, before: Published | None, after: Published, manifests: Mapping[str, RunManifest]
) -> Iterator[pa.Table]:
    """Tracks with another answer after the step than before it, or with none any more, sorted by track_id.

    Each table has the columns of `CHANGES` and about 250,000 rows at most. manifests: those of all runs of both steps.
    Raises DamageFound if a file of theirs is missing or damaged, and what the store raises.
    """
    old, new = frozenset(served_runs(before)), frozenset(served_runs(after))
    relabels = before is not None and before.taxonomy != after.taxonomy
    gone = _gone_of(store, output, before, after)
    names = pa.array(sorted({*old, *new, *(run for rows, _ in gone for run in rows["run_id"].unique().to_pylist())}))
    with ThreadPoolExecutor(_READERS) as executor:
        streams = [_run_keys(store, output, manifests[run_id], names, len(old | new), executor) for run_id in old | new]
        streams += [_gone_keys(rows, when, names) for rows, when in gone]
        touching = None if relabels else pa.array(sorted(old ^ new), pa.string())
        for rows in _ranges(_touched(batch, touching) for batch in merge(streams)):
            frame = rows.to_pandas()
            was, now = _newest(frame, old, _GONE_BEFORE), _newest(frame, new, _GONE_AFTER)
            found = _difference(was, now, relabels=relabels)
            if found.num_rows:
                yield found


def tracks_served(store: Store, output: str, step: Published, manifests: Mapping[str, RunManifest]) -> int:
    """The number of tracks with an answer at a step. Reads the keys of all its runs. Raises as `changes` does."""
    found = changes(store, output, None, step, manifests)
    return sum(pc.count(rows["shard"], mode="only_valid").as_py() for rows in found)


def tracks_tried(store: Store, output: str, manifests: Sequence[RunManifest], gone: pa.Table) -> tuple[int, int]:
    """The tracks that these runs tried, and those of them with a reject as their newest outcome.

    Tracks that are `gone` from the catalog as of a newer run do not count. Raises as `changes` does.
    """
    names = pa.array(sorted({*(each.plan.run_id for each in manifests), *gone["run_id"].to_pylist()}), pa.string())
    tried = failed = 0
    with ThreadPoolExecutor(_READERS) as executor:
        streams = [_run_keys(store, output, each, names, len(manifests), executor) for each in manifests]
        streams.append(_gone_keys(gone, _GONE_AFTER, names))
        for rows in _ranges(merge(streams)):
            frame = rows.to_pandas()
            frame = frame[~frame["reason"].isin(_NOT_TRIED)]
            # within one run, a track that is gone was answered afterwards, or rejected before
            frame = frame.assign(is_answer=frame["reason"].isna()).sort_values(["run_id", "is_answer", "gone"])
            newest = frame.drop_duplicates("track_id", keep="last")
            counted = newest[newest["gone"] == 0]
            tried += len(counted)
            failed += int(counted["reason"].notna().sum())
    return tried, failed


def _gone_of(store: Store, output: str, before: Published | None, after: Published) -> list[tuple[pa.Table, int]]:
    """The tracks that are gone, and in which of the steps."""
    paths = [before.deleted if before else None, after.deleted]
    if paths[0] == paths[1]:
        paths, whens = paths[1:], [_GONE_BEFORE | _GONE_AFTER]
    else:
        whens = [_GONE_BEFORE, _GONE_AFTER]
    found = [(path, when) for path, when in zip(paths, whens, strict=True) if path]
    return [
        (read_columns(store.read(layout.at(output, path)), GONE_SCHEMA.names, path, output).cast(GONE_SCHEMA), when)
        for path, when in found
    ]


def _gone_keys(rows: pa.Table, when: int, names: pa.Array) -> Iterator[pa.RecordBatch]:
    placed = rows.append_column("shard", pa.nulls(len(rows), pa.int32()))
    yield from _keys(placed, rows["run_id"].combine_chunks(), names, when)


def _run_keys(
    store: Store, output: str, manifest: RunManifest, names: pa.Array, runs: int, executor: Executor
) -> Iterator[pa.RecordBatch]:
    """The outcomes of one run, sorted by track_id."""
    records = [
        CommitRecord(shard=shard, files=tuple(files), counts=Counts())
        for shard, files in groupby(manifest.files, key=lambda file: layout.shard_of_file(file.path))
    ]
    ahead = shards_ahead(1 + _READERS // runs, manifest.plan.shard_tracks, runs)
    tables = map_ahead(lambda record: shard_outcomes(store, output, record), records, executor, ahead)
    placed = (_placed(record.shard, rows) for record, rows in zip(records, tables, strict=True))
    for batch in by_track_id(manifest.plan, placed, _PLACED):
        run_ids = pa.repeat(pa.scalar(manifest.plan.run_id), len(batch))
        yield from _keys(pa.Table.from_batches([batch]), run_ids, names, 0)


def _placed(shard: int, rows: pa.Table) -> list[pa.RecordBatch]:
    """The outcomes of one shard, with its number."""
    placed = rows.append_column("shard", pa.repeat(pa.scalar(shard, pa.int32()), len(rows)))
    batches: list[pa.RecordBatch] = placed.select(_PLACED.names).cast(_PLACED).to_batches(max_chunksize=_ROWS_AT_ONCE)
    return batches


def _keys(rows: pa.Table, run_ids: pa.Array, names: pa.Array, gone: int) -> Iterator[pa.RecordBatch]:
    runs = pa.DictionaryArray.from_arrays(pc.index_in(run_ids, value_set=names), names)
    columns = [*(rows[name] for name in _PLACED.names), runs, pa.repeat(pa.scalar(gone, pa.int8()), len(rows))]
    yield from pa.table(columns, schema=_KEYS).to_batches(max_chunksize=_ROWS_AT_ONCE)


def _touched(batch: pa.RecordBatch, runs: pa.Array | None) -> pa.RecordBatch:
    """All rows of the tracks whose answer may differ: those in `runs`, and those gone in one step only; None: all."""
    if runs is None:
        return batch
    once = pc.is_in(batch["gone"], value_set=pa.array([_GONE_BEFORE, _GONE_AFTER], pa.int8()))
    mine = pc.and_(pc.equal(batch["gone"], 0), pc.is_in(batch["run_id"].cast(pa.string()), value_set=runs))
    return batch.filter(pc.is_in(batch["track_id"], value_set=batch["track_id"].filter(pc.or_(once, mine))))


def _ranges(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows in larger pieces; a track is never in two, as each batch has all rows of its tracks."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        if batch.num_rows:
            waiting.append(batch)
        if sum(each.num_rows for each in waiting) >= _RANGE_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def _newest(rows: pd.DataFrame, runs: frozenset[str], gone: int) -> pd.DataFrame:
    """The newest outcome of each track in these runs, or that it is gone: one row per track, an answer if possible."""
    mine = rows[((rows["gone"] == 0) & rows["run_id"].isin(runs)) | ((rows["gone"] & gone) != 0)]
    answers, others = mine[mine["reason"].isna()], mine[mine["reason"].notna()]
    outcomes = pd.concat([answers, others[~others["reason"].isin(TRANSIENT_REASONS)]])
    newest = outcomes[are_newest(outcomes, len(answers)).to_numpy()]
    # answers come first, and a track that is gone counts as that rather than as rejected
    gone_first = newest.sort_values("gone", ascending=False, kind="stable")
    ordered: Sequence[pd.DataFrame] = [newest[newest["reason"].isna()], gone_first[gone_first["reason"].notna()]]
    return pd.concat(ordered).drop_duplicates("track_id")


def _difference(was: pd.DataFrame, now: pd.DataFrame, *, relabels: bool) -> pa.Table:
    """The changes between two states. relabels: whether answers get other labels than before."""
    had, has = (each.loc[each["reason"].isna(), ["track_id", "run_id"]] for each in (was, now))
    kept = has.iloc[:0] if relabels else has.merge(had, on=["track_id", "run_id"])
    answered = now[now["reason"].isna() & ~now["track_id"].isin(kept["track_id"])]
    lost = had.loc[~had["track_id"].isin(has["track_id"]), ["track_id"]].merge(
        now.drop(columns="etag"), on="track_id", how="left"
    )
    both = pd.concat([answered.assign(deleted=False), lost.assign(shard=None, deleted=lost["gone"].fillna(0) > 0)])
    found = pa.Table.from_pandas(both.reindex(columns=CHANGES.names), schema=CHANGES, preserve_index=False)
    return found.sort_by("track_id").replace_schema_metadata(None)
