"""The whole job compared with its floor: N synthetic 4-minute tracks on local Ray, and the sum of the stage costs.

    python benchmarks/pipeline.py [--tracks 200] [--encoding mp3] [--bundle default]

Prints one JSON object. `throughput_ratio`: floor seconds per track over core-seconds per scored track, from the first
batch to the last commit. `cpu_ratio`: floor over all CPU seconds, including the start of all processes.
`cpu_ratio_marginal`: the same for the additional tracks of the large run over a small one, so without start-up. The
floor is measured before, between and after the runs, and the median counts, because machines may slow down for seconds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from floor import floor, track

from genre_batch.demo.encode import Encoding

CORES = 2
DISTINCT_TRACKS = 4


def catalog(folder: Path, tracks: int, encoding: Encoding) -> None:
    """Write `tracks` files with a few distinct contents."""
    folder.mkdir()
    contents = [track(encoding, 240.0, seed) for seed in range(DISTINCT_TRACKS)]
    for number in range(tracks):
        (folder / f"{number:06d}.{encoding.value}").write_bytes(contents[number % DISTINCT_TRACKS])


def scored(source: Path, output: Path, bundle: str) -> dict[str, float]:
    """The report of one run in its own process, with two extract actors."""
    command = [sys.executable, "-m", "genre_batch", "score", str(source), str(output), "--json"]
    settings = [f"bundle={bundle}", f"extract.min_size={CORES}", f"extract.max_size={CORES}", "shard_tracks=64"]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run(
        command, env=os.environ | {"RAY_ADDRESS": "local"}, stdout=subprocess.PIPE, text=True, check=True
    )
    report: dict[str, float] = json.loads(done.stdout)
    return report


def floor_s(bundle: str, encoding: Encoding) -> float:
    """CPU seconds of the stages of one track, measured now."""
    return floor(240.0, 5, bundle, [encoding])[encoding.name.lower()]["sum"] / 1000


def measure(tracks: int, encoding: Encoding, bundle: str) -> dict[str, float]:
    """The figures of one benchmark run."""
    few = max(8, tracks // 10)
    with tempfile.TemporaryDirectory() as folder:
        for name, count in (("few", few), ("all", tracks)):
            catalog(Path(folder) / name, count, encoding)
        floors_s = [floor_s(bundle, encoding)]
        small = scored(Path(folder) / "few", Path(folder) / "few-out", bundle)
        floors_s.append(floor_s(bundle, encoding))
        whole = scored(Path(folder) / "all", Path(folder) / "all-out", bundle)
        floors_s.append(floor_s(bundle, encoding))
    lowest_s = median(floors_s)
    cpu_s = whole["cpu_s_per_track"]
    marginal_s = (cpu_s * tracks - small["cpu_s_per_track"] * few) / (tracks - few)
    return {
        "tracks": tracks,
        "floor_s_per_track": round(lowest_s, 4),
        "tracks_per_s": round(whole["tracks_per_s"], 2),
        "cpu_s_per_track": round(cpu_s, 4),
        "cpu_s_per_track_marginal": round(marginal_s, 4),
        "throughput_ratio": round(lowest_s * whole["tracks_per_s"] / CORES, 3),
        "cpu_ratio": round(lowest_s / cpu_s, 3),
        "cpu_ratio_marginal": round(lowest_s / marginal_s, 3),
        "wall_s": round(whole["wall_s"], 1),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=200)
    parser.add_argument("--encoding", choices=[encoding.name.lower() for encoding in Encoding], default="mp3")
    parser.add_argument("--bundle", default="default")
    given = parser.parse_args()
    figures = measure(given.tracks, Encoding[given.encoding.upper()], given.bundle)
    print(json.dumps({"encoding": given.encoding, "cores": CORES, **figures}, indent=1))
