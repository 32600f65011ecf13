"""The made-up output that `joins.py` joins: runs of one model, a run of another, and a file without a marker.

    python benchmarks/joins_data.py FOLDER [--tracks 10000000] [--runs 8] [--shard-tracks 524288]

Writes FOLDER/catalog.parquet, sorted by track_id, and the runs below FOLDER/output, through the ledger.
"""

import argparse
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from listing_server import etag_of, key_of
from replan import make_plan, scores

from genre_batch.catalog.reject import RejectReason
from genre_batch.catalog.track_table import SCHEMA, listed_rows
from genre_batch.sink import layout
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.parquet import to_bytes
from genre_batch.sink.plan import RunPlan, write_plan
from genre_batch.sink.run_facts import make_run_id
from genre_batch.sink.schema import REJECTS
from genre_batch.sink.tables import ShardTables
from genre_batch.storage.local import LocalStore

CATALOG = "catalog.parquet"
CORRUPT, READ_FAILED = RejectReason.CORRUPT.value, RejectReason.READ_FAILED.value
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def slot_and_parity(numbers: Numbers) -> tuple[Numbers, Flags]:
    """The slot of a track, 0 to 999, decides its history; of some slots only every second track comes up again."""
    return numbers % 1000, (numbers // 1000) % 2 == 0


def is_left(numbers: Numbers) -> Flags:
    """Which tracks an anti-join must leave to be scored."""
    slot, even = slot_and_parity(numbers)
    never, replaced, transient, worse = (_between(slot, *at) for at in ((0, 10), (10, 20), (30, 40), (40, 45)))
    return never | (replaced & ~even) | (transient & ~even) | (worse & even)


def is_scored_twice(numbers: Numbers) -> Flags:
    """Which tracks runs 0 and 1 both answered in the same version."""
    return (numbers % 1000 == 51) & ((numbers // 1000) % 10 == 0)


def outcomes(run: int, runs: int, numbers: Numbers) -> tuple[Flags, Flags, Flags]:
    """Which tracks a run answered, and which it rejected as corrupt and as unreadable."""
    slot, even = slot_and_parity(numbers)
    nightly = _between(slot, 100, 300)
    if run == 0:
        answered = _between(slot, 10, 20) | ((slot > 50) & ~nightly)
        return answered, _between(slot, 20, 30) | _between(slot, 40, 50), _between(slot, 30, 40) | (slot == 50)
    own = nightly & (1 + (numbers // 1000) % (runs - 1) == run)
    if run > 1:
        return own, slot < 0, slot < 0
    again = (_between(slot, 10, 20) & even) | (slot == 50) | is_scored_twice(numbers)
    return own | again, _between(slot, 30, 40) & even, _between(slot, 40, 45) & even


def write_run(output: str, plan: RunPlan, numbers: Numbers, answered: Flags, corrupt: Flags, old: bool) -> None:
    """Commit the outcomes of these tracks; those that are neither answered nor corrupt could not be read.

    old: whether the tracks of slots 10 to 19 had another etag then.
    """
    write_plan(LocalStore(), output, plan)
    for shard in range(plan.shards):
        rows = slice(shard * plan.shard_tracks, (shard + 1) * plan.shard_tracks)
        keys, is_answer = numbers[rows], answered[rows]
        reasons = np.where(corrupt[rows], CORRUPT, READ_FAILED)[~is_answer]
        table = answers(keys[is_answer], plan, old)
        Ledger(LocalStore(), output, plan).commit_tables(
            shard, ShardTables(table, rejects(keys[~is_answer], reasons, plan))
        )


def answers(numbers: Numbers, plan: RunPlan, old: bool) -> pa.Table:
    """Rows of `scores`."""
    table = scores(numbers.tolist(), plan)
    if not old:
        return table
    replaced = _between(slot_and_parity(numbers)[0], 10, 20)
    etags = np.where(replaced, "0" * 32, table["etag"].to_numpy())
    return table.set_column(
        table.schema.get_field_index("etag"), table.schema.field("etag"), pa.array(etags, pa.string())
    )


def rejects(numbers: Numbers, reasons: npt.NDArray[np.str_], plan: RunPlan) -> pa.Table:
    """Rows of `rejects`."""
    rows, tracks = len(numbers), track_rows(numbers)
    same = {"stage": "decode", "message": "cannot be decoded", "attempts": 1, "run_id": plan.run_id}
    same |= {"event_timestamp": plan.planned_at, "created_timestamp": plan.planned_at}
    columns = {name: tracks[name] for name in tracks.schema.names} | {"reason": pa.array(reasons, pa.string())}
    columns |= {name: pa.repeat(pa.scalar(value, REJECTS.field(name).type), rows) for name, value in same.items()}
    return pa.table([columns[name] for name in REJECTS.names], schema=REJECTS)


def track_rows(numbers: Numbers) -> pa.RecordBatch:
    """These tracks as rows of a catalog."""
    ids = pa.array([f"s3://catalog/{key_of(number)}" for number in numbers.tolist()], pa.string())
    etags = pa.array(map(etag_of, numbers.tolist()), pa.string())
    return listed_rows(ids, ids, etags, pa.array(30_000_000 + numbers))


def plans(tracks_of_runs: list[int], shard_tracks: int) -> Iterator[RunPlan]:
    """A plan for each run, a day apart."""
    first = make_plan("output", 0, shard_tracks)
    for day, tracks in enumerate(tracks_of_runs):
        planned_at = first.planned_at + timedelta(days=day)
        ids = {"run_id": make_run_id(planned_at, b"\0\0\0"), "planned_at": planned_at}
        yield first.model_copy(update=ids | {"tracks": tracks, "listed": tracks})


def make(folder: Path, tracks: int, runs: int, shard_tracks: int) -> None:
    """Write the catalog and the runs."""
    output, numbers = str(folder / "output"), np.arange(tracks)
    with pq.ParquetWriter(folder / CATALOG, SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        for start in range(0, tracks, shard_tracks):
            writer.write_batch(track_rows(numbers[start : start + shard_tracks]))
    parts = [outcomes(run, runs, numbers) for run in range(runs)]
    parts.append((numbers % 100 == 0, numbers < 0, numbers < 0))
    touched = [answered | corrupt | unread for answered, corrupt, unread in parts]
    made = list(plans([int(rows.sum()) for rows in touched], shard_tracks))
    made[-1] = made[-1].model_copy(update={"fingerprint": "0" * 64})
    for run, (plan, rows, (answered, corrupt, _)) in enumerate(zip(made, touched, parts, strict=True)):
        write_run(output, plan, numbers[rows], answered[rows], corrupt[rows], old=run == 0)
    stray = to_bytes(answers(numbers[numbers % 1000 == 0], made[0], old=False), made[0])
    LocalStore().create(layout.at(output, layout.answers_path(made[0], made[0].shards)), stray)


def _between(slot: Numbers, start: int, stop: int) -> Flags:
    return (slot >= start) & (slot < stop)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tracks", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--shard-tracks", type=int, default=524_288)
    given = parser.parse_args()
    make(given.folder, given.tracks, given.runs, given.shard_tracks)
