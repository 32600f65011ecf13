"""The cost of finding that a large catalog is already scored: `score --plan` on a table of nearly all its tracks.

    python benchmarks/replan.py FOLDER [--tracks 1000000] [--shard-tracks 1024] [--new-percent 1]

The table is created once in FOLDER. Prints one JSON object: time and memory of listing the source on the synthetic S3
endpoint of `listing.py`, and of comparing each track with the table.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from listing import endpoint
from listing_server import etag_of, key_of

from genre_batch.catalog.work_units import Shard, ShardPlan
from genre_batch.config import ScoreConfig
from genre_batch.run.jobs import scoring_job
from genre_batch.sink import layout
from genre_batch.sink.parquet import to_bytes
from genre_batch.sink.plan import RunPlan, write_plan
from genre_batch.sink.pointer import to_json
from genre_batch.sink.record import CommitRecord, Counts, DataFile
from genre_batch.sink.schema import GENRE_PROBABILITY, SCHEMA_VERSION, SCORES
from genre_batch.storage.local import LocalStore

SOURCE = "s3://catalog/music/"
GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
TOP_K = 5
ANSWERS = 1 << 17


def make_plan(output: str, tracks: int, shard_tracks: int) -> RunPlan:
    """The plan of a run over `tracks` tracks with the shipped bundle."""
    job = scoring_job(ScoreConfig(source=SOURCE, output=output))
    return RunPlan(
        run_id="20260101T000000Z-000000",
        model_id=job.model_id,
        fingerprint=job.fingerprint,
        planned_at=datetime(2026, 1, 1, tzinfo=UTC),
        git_sha="0" * 40,
        config_sha256="0" * 64,
        versions={"pyarrow": pa.__version__},
        source=SOURCE,
        shard_tracks=shard_tracks,
        schema_version=SCHEMA_VERSION,
        listed=tracks,
        skipped=0,
        tracks=tracks,
        size_bytes=0,
    )


@cache
def synthetic_answers() -> tuple[np.ndarray, np.ndarray]:
    """Random probabilities [ANSWERS, TOP_K] and their genres' numbers [ANSWERS, TOP_K]."""
    random = np.random.default_rng(1)
    chances = -np.sort(-random.dirichlet(np.full(len(GENRES), 0.3), ANSWERS).astype(np.float32), axis=1)[:, :TOP_K]
    return np.ascontiguousarray(chances), random.random((ANSWERS, len(GENRES))).argsort(axis=1)[:, :TOP_K]


def scores(numbers: list[int], run: RunPlan) -> pa.Table:
    """Scores of these tracks of the synthetic catalog, with as much entropy as real ones."""
    rows = len(numbers)
    random = np.random.default_rng(numbers[0])
    of_answer = random.integers(0, ANSWERS, rows)
    chances, ranked = (answers[of_answer] for answers in synthetic_answers())
    genres = pa.array(GENRES).take(pa.array(ranked.ravel()))
    pairs = pa.StructArray.from_arrays([genres, pa.array(chances.ravel())], fields=list(GENRE_PROBABILITY))
    top_k = pa.ListArray.from_arrays(pa.array(np.arange(0, rows * TOP_K + 1, TOP_K, dtype=np.int32)), pairs)
    uris = pa.array([f"s3://catalog/{key_of(number)}" for number in numbers])
    time_of_plan = pa.repeat(pa.scalar(run.planned_at, SCORES.field("event_timestamp").type), rows)
    columns = {
        "track_id": uris,
        "uri": uris,
        "etag": pa.array(map(etag_of, numbers)),
        "size_bytes": pa.array(random.integers(2_000_000, 60_000_000, rows)),
        "duration_s": pa.array(random.uniform(60, 400, rows)),
        "genre": genres.take(pa.array(np.arange(0, rows * TOP_K, TOP_K))),
        "confidence": pa.array(chances[:, 0]),
        "top_k": top_k,
        "abstained": pa.repeat(False, rows),
        "window_start_s": pa.array(random.uniform(15, 180, rows)),
        "segments": pa.repeat(pa.scalar(10, pa.int32()), rows),
        "decoder": pa.repeat("soundfile", rows),
        "fingerprint": pa.repeat(run.fingerprint, rows),
        "run_id": pa.repeat(run.run_id, rows),
        "event_timestamp": time_of_plan,
        "created_timestamp": time_of_plan,
        "sample_rate": pa.repeat(44_100, rows),
        "channels": pa.repeat(2, rows),
    }
    # those that are not made up are null: a bundle need not fill them
    arrays = [columns[f.name].cast(f.type) if f.name in columns else pa.nulls(rows, f.type) for f in SCORES]
    return pa.Table.from_arrays(arrays, schema=SCORES)


def commit(output: str, run: RunPlan, shard: Shard, numbers: list[int]) -> int:
    """Write a shard as the ledger would, and return the size of its file in bytes."""
    data = to_bytes(scores(numbers, run), run)
    path = layout.answers_path(run, shard.index)
    LocalStore().create(layout.at(output, path), data)
    record = CommitRecord(
        shard=shard.index, files=(DataFile.of(path, data, len(numbers)),), counts=Counts(scored=len(numbers))
    )
    LocalStore().create(layout.at(output, layout.commit_path(run.run_id, shard.index)), to_json(record))
    return len(data)


def make_table(output: str, tracks: int, shard_tracks: int, new_percent: int) -> dict[str, float]:
    """Create a table of all but `new_percent` of the tracks, unless it exists. Returns its rows and files."""
    note = Path(output, "_made.json")
    if not note.exists():
        numbers = [number for number in range(tracks) if number % 100 >= new_percent]
        run = make_plan(output, len(numbers), shard_tracks)
        write_plan(LocalStore(), output, run)
        shards = ShardPlan(len(numbers), shard_tracks)
        sizes_bytes = [commit(output, run, shard, numbers[shard.start : shard.stop]) for shard in shards]
        facts = {"rows": len(numbers), "files": len(shards), "bytes_a_row": round(sum(sizes_bytes) / len(numbers), 1)}
        note.write_text(json.dumps(facts))
    facts = json.loads(note.read_text())
    return dict(facts)


def measure(output: str, tracks: int) -> dict[str, float]:
    """Plan once, and read the driver's resource usage when it ends."""
    figures: dict[str, float] = {}
    command = [sys.executable, "-m", "genre_batch", "score", SOURCE, output, "--plan", "--json"]
    command += ["--set", "forecast.tracks=0"]
    with endpoint(tracks, 0.0, figures) as environment:
        start_s = time.monotonic()
        driver = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
        assert driver.stdout is not None
        report = json.loads(driver.stdout.read())
        _, _, usage = os.wait4(driver.pid, 0)
        wall_s = time.monotonic() - start_s
    return figures | {
        "listed": report["listed"],
        "new": report["tracks"],
        "wall_s": round(wall_s, 1),
        "driver_cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "driver_peak_mb": round(usage.ru_maxrss / 1024),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--tracks", type=int, default=1_000_000)
    parser.add_argument("--shard-tracks", type=int, default=1024)
    parser.add_argument("--new-percent", type=int, default=1)
    given = parser.parse_args()
    table = str(Path(given.folder, f"{given.tracks}-{given.shard_tracks}-{given.new_percent}").absolute())
    facts = make_table(table, given.tracks, given.shard_tracks, given.new_percent)
    print(json.dumps(facts | measure(table, given.tracks), indent=1))
