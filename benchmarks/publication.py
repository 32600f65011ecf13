"""What it costs to publish a run in which every track changed, beside reading and writing its rows with pyarrow.

    python benchmarks/publication.py [--tracks 1000000] [--shard-tracks 8192]

Writes two runs over the same made-up tracks into a temporary folder (about 300 bytes a track), publishes the first, and
then measures the publication of the second, whose rows are all for other bytes, with its rules and serving table. The
floor reads the columns that the serving table is made from, of the second run's files, and writes them again with zstd.
Each runs in its own process. Prints one JSON object: seconds, CPU seconds and peak memory of both, and their ratios.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from replan import make_plan, scores

from genre_batch.catalog.work_units import ShardPlan
from genre_batch.publish.publishing import PublishConfig, publish
from genre_batch.sink.finish import finish
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import write_plan
from genre_batch.sink.run_facts import make_run_id
from genre_batch.sink.schema import REJECTS
from genre_batch.sink.tables import ShardTables
from genre_batch.storage.local import LocalStore

COLUMNS = ["track_id", "etag", "run_id", "genre", "confidence", "top_k", "abstained", "embedding"]


def write_run(output: str, day: int, tracks: int, shard_tracks: int) -> str:
    """A finished run over all tracks, each in a version of its own. Returns its id."""
    plan, store = make_plan(output, tracks, shard_tracks), LocalStore()
    planned_at = plan.planned_at + timedelta(days=day)
    plan = plan.model_copy(update={"run_id": make_run_id(planned_at, b"abc"), "planned_at": planned_at})
    write_plan(store, output, plan)
    ledger = Ledger(store, output, plan)
    for shard in ShardPlan(tracks, shard_tracks):
        rows = scores([*range(shard.start, shard.stop)], plan)
        etags = pc.binary_join_element_wise(rows["etag"], str(day), "-")
        rows = rows.set_column(rows.schema.get_field_index("etag"), rows.schema.field("etag"), etags)
        ledger.commit_tables(shard.index, ShardTables(rows, REJECTS.empty_table()))
    finish(store, output, plan, ledger.records())
    return plan.run_id


def publish_run(output: str) -> int:
    """Publish what is new, with the default rules. Returns the new rows of the serving table."""
    report = publish(PublishConfig(output=output))
    assert report.serving_rows is not None, report
    return report.serving_rows


def read_and_write(output: str, run_id: str) -> int:
    """The floor. Returns the rows."""
    rows = 0
    with tempfile.TemporaryDirectory(dir=output) as folder:
        for file in Path(output, "scores").rglob(f"{run_id}-*.parquet"):
            table = pq.ParquetFile(file).read(COLUMNS)
            pq.write_table(table, Path(folder, file.name), compression="zstd", write_page_checksum=True)
            rows += table.num_rows
    return rows


def measured(output: str, run_id: str | None) -> dict[str, float]:
    """Publish, or read and write a run, in a process of its own."""
    command = [sys.executable, __file__, "--child", output, *([run_id] if run_id else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def child(output: str, run_id: str | None) -> dict[str, float]:
    """Do it in this process, and measure it without the imports."""
    start_s, start_cpu_s = time.monotonic(), time.process_time()
    rows = read_and_write(output, run_id) if run_id else publish_run(output)
    wall_s, cpu_s = time.monotonic() - start_s, time.process_time() - start_cpu_s
    status = Path("/proc/self/status").read_text()
    # ru_maxrss would be that of the process that started this one
    peak_kb = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    return {"rows": rows, "wall_s": round(wall_s, 2), "cpu_s": round(cpu_s, 2), "peak_mb": round(peak_kb / 1024)}


def main(tracks: int, shard_tracks: int) -> dict[str, object]:
    """Make the runs, publish and measure."""
    with tempfile.TemporaryDirectory(prefix="genre-batch-publication-") as output:
        write_run(output, 0, tracks, shard_tracks)
        first = measured(output, None)
        run_id = write_run(output, 1, tracks, shard_tracks)
        floor = measured(output, run_id)
        second = measured(output, None)
    assert first["rows"] == floor["rows"] == second["rows"] == tracks
    ratios = {name: round(second[name] / floor[name], 2) for name in ("wall_s", "cpu_s", "peak_mb")}
    return {"tracks": tracks, "first": first, "increment": second, "floor": floor, "increment / floor": ratios}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=1_000_000)
    parser.add_argument("--shard-tracks", type=int, default=8192)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(child(given.child[0], given.child[1] if len(given.child) > 1 else None)))
    else:
        print(json.dumps(main(given.tracks, given.shard_tracks), indent=1))
