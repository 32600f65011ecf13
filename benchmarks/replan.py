"""The cost of finding that a large catalog is already scored: `score --plan` on a table of nearly all its tracks.

    python benchmarks/replan.py FOLDER [--tracks 1000000] [--shard-tracks 1024] [--new-percent 1] [--nights 0]
        [--rounds 1] [--only PART]...

The table is created once in FOLDER: a run over the catalog, and nights that each added a share of a tenth of it. Prints
one JSON object: time, CPU seconds and memory of each part, each in its own process, in turns, the least of all rounds.

listing: all tracks of the source, from the synthetic S3 endpoint of `listing.py`, whose CPU seconds are given apart. It
shares the cores. join: a stored listing is compared with the table. few: a hundredth of it is, from one place of it, as
from a catalog file. whole: `score --plan`. "join, index" and so on: the same with the done-index; `index` is what
writing that takes.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from listing import endpoint
from listing_server import etag_of, key_of

from genre_batch.catalog.source import list_tracks
from genre_batch.catalog.track_table import SCHEMA, listed_rows
from genre_batch.catalog.work_units import Shard, ShardPlan
from genre_batch.config import ScoreConfig
from genre_batch.history.anti_join import new_rows
from genre_batch.history.done_writer import extend_done_index
from genre_batch.history.past_outcomes import done_runs, retryable_reasons
from genre_batch.run.jobs import scoring_job
from genre_batch.sink import layout
from genre_batch.sink.finish import finish
from genre_batch.sink.json_records import to_json
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.parquet import to_bytes
from genre_batch.sink.plan import RunPlan, write_plan
from genre_batch.sink.record import CommitRecord, Counts, DataFile
from genre_batch.sink.run_facts import make_run_id
from genre_batch.sink.schema import GENRE_PROBABILITY, SCHEMA_VERSION, SCORES
from genre_batch.storage.local import LocalStore

SOURCE = "s3://catalog/music/"
GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
TOP_K = 5
ANSWERS = 1 << 17


def make_plan(output: str, tracks: int, shard_tracks: int, night: int = 0) -> RunPlan:
    """The plan of a run over `tracks` tracks with the shipped bundle."""
    job = scoring_job(ScoreConfig(source=SOURCE, output=output))
    planned_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=night)
    return RunPlan(
        run_id=make_run_id(planned_at, bytes(3)),
        model_id=job.model_id,
        fingerprint=job.fingerprint,
        planned_at=planned_at,
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
    uris = pa.array(map(uri_of, numbers))
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


def make_run(output: str, numbers: list[int], shard_tracks: int, night: int) -> int:
    """Carry out a run over these tracks, and return the size of its files in bytes."""
    run = make_plan(output, len(numbers), shard_tracks, night)
    write_plan(LocalStore(), output, run)
    shards = ShardPlan(len(numbers), shard_tracks)
    sizes_bytes = [commit(output, run, shard, numbers[shard.start : shard.stop]) for shard in shards]
    finish(LocalStore(), output, run, Ledger(LocalStore(), output, run).records())
    return sum(sizes_bytes)


def make_table(output: str, tracks: int, shard_tracks: int, new_percent: int, nights: int) -> None:
    """Create a table of all but `new_percent` of the tracks, and a listing of all, unless they exist; and a note."""
    note = Path(output, "_made.json")
    if not note.exists():
        by_night: list[list[int]] = [[] for _ in range(nights + 1)]
        for number in range(tracks):
            slot = number % 100
            if slot >= new_percent:
                by_night[1 + number // 100 % nights if nights and slot >= 90 else 0].append(number)
        runs = enumerate(by_night)
        size_bytes = sum(make_run(output, numbers, shard_tracks, night) for night, numbers in runs if numbers)
        with pq.ParquetWriter(listing_of(output), SCHEMA, compression="zstd", write_page_checksum=True) as writer:
            for start in range(0, tracks, 16_384):
                rows = range(start, min(tracks, start + 16_384))
                uris, etags = (pa.array(map(made, rows)) for made in (uri_of, etag_of))
                writer.write_batch(listed_rows(uris, uris, etags, pa.array([30_000_000 + number for number in rows])))
        scored = sum(map(len, by_night))
        note.write_text(json.dumps({"rows": scored, "runs": nights + 1, "bytes_a_row": round(size_bytes / scored, 1)}))


def uri_of(number: int) -> str:
    """The URI of a track."""
    return f"s3://catalog/{key_of(number)}"


def listing_of(output: str) -> Path:
    """Where the stored listing is."""
    return Path(output, "_listing.parquet")


def list_source(_: str) -> int:
    """The number of tracks of the source."""
    return sum(batch.num_rows for batch in list_tracks(SOURCE).batches())


def join(output: str, part: slice = slice(None)) -> int:
    """The number of tracks of the stored listing, or of these row groups, that are not done."""
    job = scoring_job(ScoreConfig(source=SOURCE, output=output))
    file = pq.ParquetFile(listing_of(output), page_checksum_verification=True)
    groups = range(file.num_row_groups)[part]
    tracks: Iterator[pa.RecordBatch] = file.iter_batches(16_384, row_groups=groups, use_threads=False)
    with done_runs(LocalStore(), output, job.model_id, job.fingerprint) as runs:
        return sum(batch.num_rows for batch in new_rows(tracks, runs, retryable_reasons(())))


def join_few(output: str) -> int:
    """The number of tracks that are not done, of a hundredth of the listing."""
    groups = pq.ParquetFile(listing_of(output)).num_row_groups
    return join(output, slice(groups // 2, groups // 2 + max(1, groups // 100)))


def write_index(output: str) -> int:
    """The number of outcomes in the index, which is written anew."""
    shutil.rmtree(Path(output, layout.DONE_FOLDER), ignore_errors=True)
    return extend_done_index(LocalStore(), output)


PARTS: dict[str, Callable[[str], int]] = {"listing": list_source, "join": join, "few": join_few, "index": write_index}


def measure(part: str, output: str, tracks: int) -> dict[str, float]:
    """Do one part in a process of its own, and read its resource usage when it ends."""
    figures: dict[str, float] = {}
    command = [sys.executable, __file__, output, "--child", part]
    if part == "whole":
        command = [sys.executable, "-m", "genre_batch", "score", SOURCE, output, "--plan", "--json"]
        command += ["--set", "forecast.tracks=0"]
    with endpoint(tracks, 0.0, figures) as environment:
        start_s = time.monotonic()
        driver = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
        assert driver.stdout is not None
        report = json.loads(driver.stdout.read())
        _, _, usage = os.wait4(driver.pid, 0)
        wall_s = time.monotonic() - start_s
    if part not in ("listing", "whole"):
        figures.clear()
    return figures | {
        "tracks": report["tracks"],
        "wall_s": round(wall_s, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


def measure_all(output: str, tracks: int, rounds: int, only: list[str]) -> dict[str, dict[str, float]]:
    """The least of each figure over all rounds, by part. Without the index first: writing it comes in between."""
    found: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        shutil.rmtree(Path(output, layout.DONE_FOLDER), ignore_errors=True)
        for name in ("listing", "join", "few", "whole", "index", "join, index", "few, index", "whole, index"):
            if not only or name.partition(",")[0] in only or name == "index":
                figures = measure(name.partition(",")[0], output, tracks)
                print(name, figures, file=sys.stderr, flush=True)
                before = found.setdefault(name, figures)
                found[name] = {each: min(before[each], value) for each, value in figures.items()}
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--tracks", type=int, default=1_000_000)
    parser.add_argument("--shard-tracks", type=int, default=1024)
    parser.add_argument("--new-percent", type=int, default=1)
    parser.add_argument("--nights", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", action="append", metavar="PART", help="such as join; all unless given")
    parser.add_argument("--child", choices=PARTS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps({"tracks": PARTS[given.child](given.folder)}))
        sys.exit(0)
    name = f"{given.tracks}-{given.shard_tracks}-{given.new_percent}-{given.nights}"
    table = str(Path(given.folder, name).absolute())
    # in a process of its own: the peak memory of a process counts as that of the processes that it starts
    making = multiprocessing.Process(
        target=make_table, args=(table, given.tracks, given.shard_tracks, given.new_percent, given.nights)
    )
    making.start()
    making.join()
    facts = dict(json.loads(Path(table, "_made.json").read_text()))
    print(json.dumps(facts | measure_all(table, given.tracks, given.rounds, given.only or []), indent=1))
