"""The driver's memory for a large catalog, measured on many files that are quick to reject.

    python benchmarks/driver_memory.py [--tracks 200000]

Prints one JSON object with the peak resident memory of the driver. The files are empty, so that only listing, planning,
scheduling and committing are measured, not decoding.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FILES_A_FOLDER = 1000


def catalog(folder: Path, tracks: int) -> None:
    """Create `tracks` empty files in folders of a thousand."""
    for number in range(tracks):
        if number % FILES_A_FOLDER == 0:
            shelf = folder / f"shelf-{number // FILES_A_FOLDER:05d}"
            shelf.mkdir(parents=True)
        (shelf / f"track-{number:09d}.flac").touch()


def measure(tracks: int) -> dict[str, float]:
    """Run `score`, and read its resource usage when it ends."""
    with tempfile.TemporaryDirectory() as folder:
        catalog(Path(folder) / "in", tracks)
        command = [sys.executable, "-m", "genre_batch", "score", f"{folder}/in", f"{folder}/out", "--json"]
        command += ["--set", "max_reject_rate=1.0", "--set", "shard_tracks=8192"]
        driver = subprocess.Popen(command, env=os.environ | {"RAY_ADDRESS": "local"}, stdout=subprocess.PIPE, text=True)
        assert driver.stdout is not None
        report = json.loads(driver.stdout.read())
        _, _, usage = os.wait4(driver.pid, 0)
    return {
        "tracks": report["listed"],
        "rejected": report["rejected"],
        "driver_peak_mb": round(usage.ru_maxrss / 1024, 1),
        "wall_s": round(report["wall_s"], 1),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=200_000)
    print(json.dumps(measure(parser.parse_args().tracks), indent=1))
