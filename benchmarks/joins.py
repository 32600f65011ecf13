"""Our anti-join and "scored twice" beside the joins of DuckDB and pyarrow, on made-up runs (decision 17).

    python benchmarks/joins.py [--tracks 10000000] [--runs 8] [--shard-tracks 524288] [--rounds 3] [--only WAY]...

Needs DuckDB, which the package does not install: `pip install duckdb`. The data (100 bytes a track) lies in a temporary
folder, which is removed at the end. Each way runs in its own process. Prints one JSON object: for each way the least
seconds and CPU seconds and the most memory of all rounds, with their ratios to ours, and what each reader makes of a
file with a flipped bit. On a busy machine only CPU seconds and memory mean something. Exit code 1 if a way fails or its
answer is wrong.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from joins_data import is_left, is_scored_twice
from joins_ways import ANTI, CHECKED, KEY, TWICE, committed_files, connect

from genre_batch.sink.parquet import read_columns

Figures = dict[str, float]
MEASURED = {"wall_s": min, "cpu_s": min, "peak_mb": max}


def measured(task: str, way: str, folder: Path, tracks: int) -> Figures:
    """Join in this process. right: whether the answer is what the data were made for."""
    start_s, start_cpu_s = time.monotonic(), time.process_time()
    result = (ANTI if task == "anti" else TWICE)[way](folder)
    figures = {"wall_s": time.monotonic() - start_s, "cpu_s": time.process_time() - start_cpu_s}
    status = Path("/proc/self/status").read_text()
    # ru_maxrss would be that of the process that started this one
    peak_kb = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    numbers = np.arange(tracks)
    if result is None:
        right = True
    elif isinstance(result, pa.Table):
        expected = numbers[is_left(numbers)] + 30_000_000
        right = bool(np.array_equal(result["size_bytes"].to_numpy(), expected))
    else:
        right = sum(result.values()) == int(is_scored_twice(numbers).sum())
    return {name: round(value, 2) for name, value in figures.items()} | {
        "peak_mb": round(peak_kb / 1024),
        "right": right,
    }


def damage(folder: Path, flips: int = 100) -> dict[str, dict[str, int]]:
    """What each reader makes of a file with one flipped bit in its pages: raises, right rows or wrong rows."""
    good, bad = Path(committed_files(folder)[0][-1]).read_bytes(), folder / "bad.parquet"
    keys = pq.read_table(pa.BufferReader(good), columns=KEY)
    readers: dict[str, Callable[[], pa.Table]] = {
        "ours": lambda: read_columns(bad.read_bytes(), KEY, "bad.parquet"),
        "duckdb": lambda: connect("", str(folder)).read_parquet(str(bad)).select(*KEY).to_arrow_table(),
        "pyarrow Dataset": lambda: ds.dataset(bad, keys.schema, CHECKED).to_table(),
    }
    rows = {name: Counter({"raises": 0, "right": 0, "wrong": 0}) for name in readers}
    metadata, chance = pq.read_metadata(pa.BufferReader(good)), random.Random(1)
    columns = [metadata.row_group(0).column(metadata.schema.names.index(name)) for name in KEY]
    bad.write_bytes(good)
    assert all(_outcome(read, keys) == "right" for read in readers.values())
    for _ in range(flips):
        column, data = chance.choice(columns), bytearray(good)
        start = column.dictionary_page_offset or column.data_page_offset
        data[start + chance.randrange(column.total_compressed_size)] ^= 1 << chance.randrange(8)
        bad.write_bytes(data)
        for name, read in readers.items():
            rows[name][_outcome(read, keys)] += 1
    return {name: dict(counts) for name, counts in rows.items()}


def _outcome(read: Callable[[], pa.Table], keys: pa.Table) -> str:
    try:
        found = read()
        return "right" if found.cast(keys.schema).sort_by("track_id").equals(keys) else "wrong"
    except Exception:  # noqa: BLE001 (what a reader raises is up to it)
        return "raises"


def figures_of(task: str, way: str, folder: str, tracks: int) -> Figures:
    """The figures of one way, measured in its own process."""
    child = [sys.executable, __file__, "--child", task, way, folder, "--tracks", str(tracks)]
    done = subprocess.run(child, stdout=subprocess.PIPE, check=False, text=True)
    figures: Figures = json.loads(done.stdout) if done.returncode == 0 else {"right": False, "exit": done.returncode}
    print(task, way, figures, file=sys.stderr, flush=True)
    return figures


def summary(rounds: list[dict[str, Figures]]) -> dict[str, Figures]:
    """The least time and most memory of all rounds, and their ratios to ours; of a way that failed, only that."""
    found: dict[str, Figures] = {}
    for way in rounds[0]:
        runs = [each[way] for each in rounds]
        found[way] = {"right": all(run["right"] for run in runs)}
        if all("wall_s" in run for run in runs):
            # other programs only add to the time, and the memory a way needs is what it took at its worst
            found[way] |= {name: choice(run[name] for run in runs) for name, choice in MEASURED.items()}
    for figures in found.values():
        if "wall_s" in figures and "wall_s" in found.get("ours", {}):
            figures |= {f"{name} / ours": round(figures[name] / found["ours"][name], 2) for name in MEASURED}
    return found


def main(given: argparse.Namespace) -> int:
    """Make the data, run each way in its own process, print the figures."""
    found: dict[str, list[dict[str, Figures]]] = {"anti": [], "twice": []}
    with tempfile.TemporaryDirectory(prefix="genre-batch-joins-") as folder:
        sizes = ["--tracks", given.tracks, "--runs", given.runs, "--shard-tracks", given.shard_tracks]
        make = [sys.executable, str(Path(__file__).with_name("joins_data.py")), folder, *map(str, sizes)]
        subprocess.run(make, check=True)
        for _ in range(given.rounds):
            for task, ways in (("anti", ANTI), ("twice", TWICE)):
                wanted = [way for way in ways if not given.only or way in given.only]
                found[task].append({way: figures_of(task, way, folder, given.tracks) for way in wanted})
        report = {task: summary(rounds) for task, rounds in found.items()}
        print(json.dumps(report | {"damage": damage(Path(folder))}, indent=1))
    return 0 if all(figures["right"] for ways in report.values() for figures in ways.values()) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--shard-tracks", type=int, default=524_288)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", metavar="WAY", help="such as ours or duckdb; all unless given")
    parser.add_argument("--child", nargs=3, metavar=("TASK", "WAY", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        task, way, folder = arguments.child
        print(json.dumps(measured(task, way, Path(folder), arguments.tracks)))
        sys.exit(0)
    sys.exit(main(arguments))
