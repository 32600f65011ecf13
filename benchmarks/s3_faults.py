"""The effect of S3 faults on a run: lost, duplicated or wrong rows (there should be none), and the slowdown.

    python benchmarks/s3_faults.py [--tracks 80] [--seed 1] [--read-timeout-s 5]

Scores one catalog of five formats several times, on local Ray with two extract actors, from S3 to S3 through a proxy
that makes requests fail. Prints one JSON object with a row per run. hit: requests that failed. lost, doubled: tracks
without a row, or with several. wrong: scores that differ from those of the first fault-free run, other than in run ids
and times. unpinned: reads of tracks without If-Match. slow_down: seconds from the first batch to the last commit over
those of the fastest fault-free run. A silent server is given up after `--read-timeout-s`, which is 20 s in production.
"""

import argparse
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import ray
from floor import track

from genre_batch.config import ScoreConfig, load
from genre_batch.demo.encode import Encoding
from genre_batch.demo.s3_server import environment_variables, s3_server
from genre_batch.pipeline import score
from genre_batch.run.run_report import RunReport
from genre_batch.storage import s3_client
from genre_batch.storage.open_store import open_store

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from fault_rules import Fault, Rule
from faulty_proxy import FaultyProxy

CORES = 2
DISTINCT_TRACKS = 2
TRACK_S = 30.0
BUCKET = "faults"
FORMATS = (Encoding.WAV, Encoding.FLAC, Encoding.MP3, Encoding.VORBIS, Encoding.AAC)
VARYING = ["run_id", "event_timestamp", "created_timestamp"]
MUSIC = "/music/"
RUNS: tuple[tuple[str, tuple[Rule, ...]], ...] = (
    ("none", ()),
    ("503 on 20 % of GETs, 10 % of PUTs", (Rule(Fault.SLOW_DOWN, rate=0.2), Rule(Fault.SLOW_DOWN, "PUT", rate=0.1))),
    ("body cut on 5 % of GETs", (Rule(Fault.SHORT_BODY, keys=MUSIC, rate=0.05),)),
    ("none", ()),
    ("503 on 20 % of GETs, 10 % of PUTs", (Rule(Fault.SLOW_DOWN, rate=0.2), Rule(Fault.SLOW_DOWN, "PUT", rate=0.1))),
    ("connection lost on 5 % of GETs, 10 % of PUTs",
     (Rule(Fault.LOST_ANSWER, keys=MUSIC, rate=0.05), Rule(Fault.LOST_ANSWER, "PUT", rate=0.1))),
    ("body stalls once for 2 % of tracks", (Rule(Fault.STALLED_BODY, keys=MUSIC, rate=0.02, first=1),)),
    ("one track always stalls, one format denied",
     (Rule(Fault.STALLED_BODY, keys=f"{MUSIC}00000.mp3"), Rule(Fault.DENIED, keys="flac$"))),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """The report and tables of one run, and what the proxy observed."""

    fault: str
    report: RunReport
    hit: Counter[str]
    unpinned: int
    scores: pa.Table
    rejects: pa.Table

    @property
    def seconds(self) -> float:
        """From the first batch to the last commit."""
        return self.report.listed / self.report.tracks_per_s


def upload(tracks: int) -> None:
    """Upload `tracks` objects that cycle through all formats, with a few distinct contents."""
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    contents = [[track(encoding, TRACK_S, seed) for encoding in FORMATS] for seed in range(DISTINCT_TRACKS)]
    for number in range(tracks):
        group, kind = divmod(number, len(FORMATS))
        key = f"music/{group:05d}.{FORMATS[kind].value}"
        client.put_object(Bucket=BUCKET, Key=key, Body=contents[group % DISTINCT_TRACKS][kind])


def scored(proxy: FaultyProxy, fault: str, rules: tuple[Rule, ...], output: str, seed: int) -> Run:
    """Run the job under these rules."""
    proxy.follow(*rules, seed=seed)
    given = {"source": f"s3://{BUCKET}/music/", "output": f"s3://{BUCKET}/{output}"}
    settings = [f"extract.min_size={CORES}", f"extract.max_size={CORES}", "shard_tracks=16"]
    report = score(load(ScoreConfig, None, settings, given))
    hit = Counter(f"{seen.fault.name} {seen.method}" for seen in proxy.seen if seen.fault is not Fault.NONE)
    reads = [seen for seen in proxy.seen if seen.method == "GET" and MUSIC in seen.key]
    proxy.follow()
    unpinned = sum(not seen.if_match for seen in reads)
    sys.stderr.write(f"{fault}: {report.scored} scored, {report.rejected} rejected, {report.wall_s:.1f} s in total\n")
    return Run(fault, report, hit, unpinned, table(output, "scores"), table(output, "rejects"))


def table(output: str, name: str) -> pa.Table:
    """All rows of `scores` or `rejects` of an output, sorted by track_id, without columns that differ between runs."""
    uri = f"s3://{BUCKET}/{output}/{name}/"
    store = open_store(uri)
    parts = [pq.read_table(io.BytesIO(store.read(found.uri))) for found in store.list(uri)]
    if not parts:
        return pa.table({"track_id": pa.array([], pa.string())})
    return pa.concat_tables(parts).drop_columns(VARYING).sort_by("track_id")


def row(run: Run, first: Run, fastest_s: float) -> dict[str, object]:
    """The figures of one run, compared with those without faults."""
    rows = Counter(run.scores["track_id"].to_pylist() + run.rejects["track_id"].to_pylist())
    expected = {row["track_id"]: row for row in first.scores.to_pylist()}
    return {
        "fault": run.fault,
        "hit": dict(run.hit),
        "tracks": run.report.listed,
        "scored": run.scores.num_rows,
        "rejected": run.report.rejects_by_reason,
        "lost": len(expected.keys() - rows.keys()),
        "doubled": sum(count > 1 for count in rows.values()),
        "wrong": sum(row != expected.get(row["track_id"]) for row in run.scores.to_pylist()),
        "unpinned": run.unpinned,
        "seconds": round(run.seconds, 2),
        "slow_down": round(run.seconds / fastest_s, 2),
    }


def shorter_read_timeout(read_timeout_s: float) -> Callable[[], None]:
    """A setup hook that gives Ray's workers this read timeout."""

    def set_up() -> None:
        s3_client.READ_TIMEOUT_S = read_timeout_s

    return set_up


def measure(tracks: int, seed: int, read_timeout_s: float) -> list[dict[str, object]]:
    """One row per run."""
    with s3_server() as environment, FaultyProxy(environment["AWS_ENDPOINT_URL"]).running() as proxy:
        with environment_variables(environment):
            upload(tracks)
        with environment_variables(environment | {"AWS_ENDPOINT_URL": proxy.endpoint, "RAY_ADDRESS": "local"}):
            ray.init(
                num_cpus=CORES,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
                runtime_env={"worker_process_setup_hook": shorter_read_timeout(read_timeout_s)},
            )
            runs = [scored(proxy, *given, f"out-{number}", seed) for number, given in enumerate(RUNS)]
            ray.shutdown()
    fastest_s = min(run.seconds for run in runs if not run.hit)
    return [row(run, runs[0], fastest_s) for run in runs]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--read-timeout-s", type=float, default=5.0)
    given = parser.parse_args()
    rows = measure(given.tracks, given.seed, given.read_timeout_s)
    print(json.dumps({"tracks": given.tracks, "cores": CORES, "runs": rows}, indent=1))
