"""The whole job compared with scripts that a user would write instead, over the same 4-minute MP3s on two cores.

    python benchmarks/peers.py [--tracks 24] [--scripts ray_data_whole,ray_data_window,process_pool]

Each is run over a small and a larger catalog. Tracks per second are the difference in tracks over the difference in
time, so that start-up does not count. Faster scripts get more tracks, and the job twenty times as many as the slowest,
so that each runs for several seconds. All use the shipped model. Prints one JSON object with the job's tracks per
second over those of each script.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline import catalog, scored

from genre_batch.demo.encode import Encoding

HERE = Path(__file__).parent / "user_scripts"
SCRIPTS = {
    "ray_data_whole": ("ray_data.py", "whole_file"),
    "ray_data_window": ("ray_data.py", "window_only"),
    "process_pool": ("process_pool.py",),
}
TIMES = {"ray_data_whole": 1, "ray_data_window": 2, "process_pool": 8}
"""How many times more tracks a script gets than the slowest one."""
AIMS = {"ray_data_whole": 15.0, "ray_data_window": 6.0, "process_pool": 2.0}
OWN_TRACKS = 20
LARGER = 3


def script_s(name: str, source: Path, output: Path) -> float:
    """Seconds that a script reports for the files of a folder."""
    script, *arguments = SCRIPTS[name]
    command = [sys.executable, str(HERE / script), str(source), str(output), *arguments]
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DATA_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr[-2000:]}")
    return float(done.stdout.splitlines()[-1])


def tracks_per_s(folder: Path, name: str, tracks: int) -> float:
    """Tracks per second of a script, or of the job if `name` is empty."""
    few = tracks * TIMES[name] if name else OWN_TRACKS * tracks // 4
    many = few * LARGER if name else OWN_TRACKS * tracks
    took_s = []
    for count in (few, many):
        source, output = folder / f"{name}-{count}", folder / f"{name}-{count}-out"
        catalog(source, count, Encoding.MP3)
        took_s.append(script_s(name, source, output) if name else scored(source, output, "default")["wall_s"])
    return (many - few) / (took_s[1] - took_s[0])


def measure(tracks: int, names: list[str]) -> dict[str, float]:
    """Tracks per second of the job and of each script, and their ratios."""
    with tempfile.TemporaryDirectory() as folder:
        job = tracks_per_s(Path(folder), "", tracks)
        peers = {name: tracks_per_s(Path(folder), name, tracks) for name in names}
    figures = {"tracks_per_s": round(job, 2)}
    for name, rate in peers.items():
        figures |= {f"{name}_tracks_per_s": round(rate, 2), f"over_{name}": round(job / rate, 1)}
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=24)
    parser.add_argument("--scripts", default=",".join(SCRIPTS))
    given = parser.parse_args()
    chosen = given.scripts.split(",")
    print(json.dumps(measure(given.tracks, chosen) | {"aims": {name: AIMS[name] for name in chosen}}, indent=1))
