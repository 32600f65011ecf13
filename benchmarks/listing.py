"""Time and memory of listing a large prefix: `genre-batch index` against a synthetic S3 endpoint.

    python benchmarks/listing.py [--tracks 1000000] [--latency-s 0]

Prints one JSON object. The endpoint is a separate process on the same cores, whose CPU time is reported separately.
`keys_a_cpu_s` is the number of keys per CPU second of the driver alone.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER = Path(__file__).with_name("listing_server.py")
INDEX = [sys.executable, "-m", "genre_batch", "index", "s3://catalog/music/"]


@contextmanager
def endpoint(tracks: int, latency_s: float, figures: dict[str, float]) -> Iterator[dict[str, str]]:
    """The environment for a running endpoint. Its CPU seconds are added to `figures` afterwards."""
    command = [sys.executable, SERVER, "--tracks", str(tracks), "--latency-s", str(latency_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        url = json.loads(server.stdout.readline())["url"]
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        server.stdin.close()
        figures["server_cpu_s"] = round(json.loads(server.stdout.readline())["cpu_s"], 1)


def measure(tracks: int, latency_s: float) -> dict[str, float]:
    """Index the synthetic catalog once, and read the driver's resource usage when it ends."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, endpoint(tracks, latency_s, figures) as environment:
        start_s = time.monotonic()
        command = [*INDEX, f"{folder}/listing", "--json"]
        driver = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
        assert driver.stdout is not None
        report = json.loads(driver.stdout.read())
        _, _, usage = os.wait4(driver.pid, 0)
        wall_s = time.monotonic() - start_s
    cpu_s = usage.ru_utime + usage.ru_stime
    return figures | {
        "keys": report["tracks"],
        "wall_s": round(wall_s, 1),
        "driver_cpu_s": round(cpu_s, 1),
        "keys_a_s": round(report["tracks"] / wall_s),
        "keys_a_cpu_s": round(report["tracks"] / cpu_s),
        "driver_peak_mb": round(usage.ru_maxrss / 1024),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=1_000_000)
    parser.add_argument("--latency-s", type=float, default=0.0)
    given = parser.parse_args()
    print(json.dumps(measure(given.tracks, given.latency_s), indent=1))
