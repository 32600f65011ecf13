"""The speed-up of two extract actors over one, and the time to the first commit.

    python benchmarks/scaling.py [--tracks 200]

Prints one JSON object. speed_up: tracks per second with two extract actors over one, from the first batch to the last
commit. first_commit_s: seconds from a running Ray to the first commit marker, including the start of the actors.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from pathlib import Path

import ray
from pipeline import catalog

from genre_batch.config import ScoreConfig, load
from genre_batch.demo.encode import Encoding
from genre_batch.pipeline import score

SHARD_TRACKS = 32


def first_marker_s(output: Path, start_s: float, stop: threading.Event, found: list[float]) -> None:
    """Append the seconds from `start_s` to the first commit marker of `output` to `found`."""
    while not stop.wait(0.02):
        if any(output.glob("_runs/*/commits/*")):
            found.append(time.monotonic() - start_s)
            return


def measured(source: Path, output: Path, extractors: int) -> tuple[float, float]:
    """Tracks per second, and seconds to the first commit, of one run on the running Ray."""
    sizes = [f"extract.min_size={extractors}", f"extract.max_size={extractors}", f"shard_tracks={SHARD_TRACKS}"]
    config = load(ScoreConfig, None, sizes, {"source": str(source), "output": str(output)})
    stop, found = threading.Event(), list[float]()
    watch = threading.Thread(target=first_marker_s, args=(output, time.monotonic(), stop, found))
    watch.start()
    try:
        report = score(config)
    finally:
        stop.set()
        watch.join()
    return report.tracks_per_s, found[0]


def measure(tracks: int) -> dict[str, float]:
    """The figures of two actors, one, two and one; the better run of each counts."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "music"
        catalog(source, tracks, Encoding.MP3)
        runs = [measured(source, Path(folder) / f"out-{n}", actors) for n, actors in enumerate((2, 1, 2, 1))]
    two, one = max(runs[0][0], runs[2][0]), max(runs[1][0], runs[3][0])
    return {
        "tracks": tracks,
        "one_tracks_per_s": round(one, 2),
        "two_tracks_per_s": round(two, 2),
        "speed_up": round(two / one, 2),
        "first_commit_s": round(min(runs[0][1], runs[2][1]), 1),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=200)
    print(json.dumps(measure(parser.parse_args().tracks), indent=1))
