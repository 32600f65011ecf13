"""What a track costs the driver of a run: everything but the work itself.

    python benchmarks/driver.py [--tracks 262144] [--batch-tracks 32 64 128 256] [--actors 2] [--separate] [--profile]

A real loop on a local Ray reads a real listing, sends batches to actors that answer at once, and commits what they say
to real files; 0 as a size means batches that adapt. Prints one JSON object a size: CPU microseconds a track of the
driver's process (all threads, Ray's included), of its main thread alone and of Ray's own daemons, those of a call, and
how many tracks a second one core of a driver can hand out and take back. Start-up does not count. With `--separate`
the model has actors of its own; otherwise it runs in the first ones. `--profile` prints where the time of the main
thread goes.
"""

import argparse
import cProfile
import json
import pstats
import sys
import tempfile
import time
from dataclasses import dataclass

import numpy as np
import psutil
import ray
from null_work import SLIVER, null_flow
from replan import make_plan

from genre_batch.catalog.listing import Listing, write_listing
from genre_batch.catalog.reject import Reject
from genre_batch.catalog.track import Track
from genre_batch.config import ScoreConfig
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.run_loop import RunLoop
from genre_batch.engine.usage import Usage
from genre_batch.engine.workload import Workload
from genre_batch.history.elsewhere import DoneElsewhere
from genre_batch.run.progress import Progress
from genre_batch.run.reject_limits import outcome_watcher
from genre_batch.sink.part_ledger import PartLedger
from genre_batch.sink.sink import open_sink
from genre_batch.storage.local import LocalStore

SHARD_TRACKS, PART_TRACKS = 131_072, 16_384


@dataclass(slots=True)
class Meter:
    """CPU seconds from the first finished call on."""

    tracks: int = 0
    calls: int = 0
    start_cpu_s: float = 0.0
    start_main_s: float = 0.0
    start_ray_s: float = 0.0
    start_s: float = 0.0

    def note(self, tracks: int) -> None:
        """A call has returned for the last time."""
        if not self.start_s:
            self.start_s, self.start_ray_s = time.monotonic(), rays_cpu_s()
            self.start_cpu_s, self.start_main_s = time.process_time(), time.thread_time()
            return
        self.calls += 1
        self.tracks += tracks

    def figures(self) -> dict[str, float]:
        """What has been spent since, by track and by call."""
        cpu_s, main_s = time.process_time() - self.start_cpu_s, time.thread_time() - self.start_main_s
        return {
            "cpu_us_a_track": round(1e6 * cpu_s / self.tracks, 1),
            "main_thread_us_a_track": round(1e6 * main_s / self.tracks, 1),
            "ray_daemons_us_a_track": round(1e6 * (rays_cpu_s() - self.start_ray_s) / self.tracks, 1),
            "mean_batch_tracks": round(self.tracks / self.calls, 1),
            "cpu_us_a_batch": round(1e6 * cpu_s / self.calls, 1),
            "tracks_per_s_of_a_core": round(self.tracks / cpu_s),
            "tracks_per_s_here": round(self.tracks / (time.monotonic() - self.start_s)),
        }


def rays_cpu_s() -> float:
    """CPU seconds of the daemons of the local Ray."""
    spent_s = 0.0
    for child in psutil.Process().children(recursive=True):
        if child.name() in ("raylet", "gcs_server"):
            times = child.cpu_times()
            spent_s += times.user + times.system
    return spent_s


def catalog(tracks: int) -> list[Track]:
    """Tracks with keys and etags of usual lengths."""
    etags = np.random.default_rng(0).bytes(16 * tracks).hex()
    uris = (f"s3://catalog/music/{row // 1000:06d}/track-{row:012d}.mp3" for row in range(tracks))
    return [Track(uri, uri, etags[32 * row : 32 * row + 32], 4_000_000 + row) for row, uri in enumerate(uris)]


def measure(tracks: int, batch_tracks: int, actors: int, *, separate: bool, profiled: bool) -> dict[str, object]:
    """The figures of one run, in a new folder."""
    store, meter = LocalStore(), Meter()
    config = ScoreConfig(source="s3://catalog/music/", output="out", max_reject_rate=1.0)
    with tempfile.TemporaryDirectory() as output:
        write_listing(catalog(tracks), store, f"{output}/listing")
        plan = make_plan(output, tracks, SHARD_TRACKS).model_copy(update={"part_tracks": PART_TRACKS})
        listing, progress = Listing(store, f"{output}/listing"), Progress("working", tracks)
        parts = PartLedger(store, output, plan, open_sink(store, output, plan))
        watch = outcome_watcher(progress.add_tracks, config, plan.run_id)

        def on_done(done: list[Track], rejects: list[Reject | None]) -> None:
            watch(done, rejects)
            meter.note(len(done))

        work = Workload(
            parts.left(),
            tracks,
            batch_tracks or None,
            listing.rows,
            parts.commit,
            on_done,
            settled=DoneElsewhere(store, output, plan, ()).settled,
        )
        cluster = Cluster(actors * SLIVER, 0.0, own=True, metrics=False)
        loop, profile = RunLoop(null_flow(actors, separate=separate), cluster, work, Usage()), cProfile.Profile()
        if profiled:
            profile.runcall(loop.run)
            pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(35)
        else:
            loop.run()
        figures = meter.figures()
    return {"batch_tracks": batch_tracks or "adaptive", "separate": separate, "actors": actors, **figures}


def main(given: argparse.Namespace) -> None:
    """Measure each size in turn."""
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    for batch_tracks in given.batch_tracks:
        figures = measure(given.tracks, batch_tracks, given.actors, separate=given.separate, profiled=given.profile)
        print(json.dumps(figures), flush=True)
    ray.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=262_144)
    parser.add_argument("--batch-tracks", type=int, nargs="+", default=[32, 64, 128, 256])
    parser.add_argument("--actors", type=int, default=2)
    parser.add_argument("--separate", action="store_true")
    parser.add_argument("--profile", action="store_true")
    main(parser.parse_args())
