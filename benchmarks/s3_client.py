"""Our S3 client compared with obstore: time, CPU and memory of the same requests, in turns, on the same server.

    uv pip install obstore
    python benchmarks/s3_client.py s3://bucket [--rounds 5]

The AWS environment must point to the server, which should be a fast one on this machine (`tests/start-radosgw.sh`). The
bucket must exist; it is filled first. Each client runs in its own process. obstore is used without the checks, retries
and error messages that `S3Store` adds. Prints one JSON object: for each operation, the medians over the rounds of wall
and CPU milliseconds per call for both clients, and the ratio of obstore to ours (below 1: obstore is faster). The
start_up row covers the import and the first request; memory is the peak of the whole process.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

RANGE_BYTES = 64 << 10
TRACK_BYTES = 4 << 20
SMALL = bytes(1024)
KEYS = 10_000
THREADS = 8
CALLS = {"range_64k": 300, "range_64k_8_threads": 600, "get_4m": 40, "put_1k": 100, "list_10k": 2}
Figures = dict[str, dict[str, float]]


class Client(Protocol):
    """The four requests that a run consists of."""

    def etag(self, key: str) -> str:
        """The object's etag, as the client spells it."""

    def read(self, key: str, etag: str, start: int, length: int) -> bytes:
        """A range of the version with this etag."""

    def write(self, key: str, data: bytes) -> None:
        """Write the object."""

    def list(self, folder: str) -> int:
        """The number of objects, after converting their keys, etags and sizes to Python lists."""


class Ours:
    """`S3Store`, as the job uses it."""

    def __init__(self, bucket: str) -> None:
        from genre_batch.storage.s3 import S3Store

        self._root, self._store = f"s3://{bucket}", S3Store()

    def etag(self, key: str) -> str:  # noqa: D102
        return self._store.head(f"{self._root}/{key}").etag

    def read(self, key: str, etag: str, start: int, length: int) -> bytes:  # noqa: D102
        return self._store.read(f"{self._root}/{key}", etag=etag, start=start, length=length)

    def write(self, key: str, data: bytes) -> None:  # noqa: D102
        self._store.write(f"{self._root}/{key}", data)

    def list(self, folder: str) -> int:  # noqa: D102
        return sum(len(page.uris) for page in self._store.pages(f"{self._root}/{folder}"))


class Obstore:
    """obstore with boto3's credentials, because its own chain does not support profiles."""

    def __init__(self, bucket: str) -> None:
        import obstore
        from obstore.auth.boto3 import Boto3CredentialProvider
        from obstore.store import S3Store

        options = {"allow_http": True}
        if bundle := os.environ.get("AWS_CA_BUNDLE"):
            options["root_certificate"] = Path(bundle).read_bytes()
        self._library = obstore
        self._store = S3Store(bucket, credential_provider=Boto3CredentialProvider(), client_options=options)

    def etag(self, key: str) -> str:  # noqa: D102
        return self._library.head(self._store, key)["e_tag"]

    def read(self, key: str, etag: str, start: int, length: int) -> bytes:  # noqa: D102
        options = {"if_match": etag, "range": (start, start + length)}
        return self._library.get(self._store, key, options=options).bytes().to_bytes()

    def write(self, key: str, data: bytes) -> None:  # noqa: D102
        self._library.put(self._store, key, data, use_multipart=False)

    def list(self, folder: str) -> int:  # noqa: D102
        count = 0
        for page in self._library.list(self._store, folder, chunk_size=1000):
            keys, etags, sizes = ([found[name] for found in page] for name in ("path", "e_tag", "size"))
            count += min(len(keys), len(etags), len(sizes))
        return count


CLIENTS: dict[str, Callable[[str], Client]] = {"ours": Ours, "obstore": Obstore}


def measured(calls: int, work: Callable[[int], object], threads: int = 1) -> dict[str, float]:
    """Wall and CPU milliseconds per call of `work`, which receives the call's number."""
    with ThreadPoolExecutor(threads) as pool:
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        list(pool.map(work, range(calls)))
        wall_s, cpu_s = time.perf_counter() - start_s, time.process_time() - start_cpu_s
    return {"wall_ms": 1000 * wall_s / calls, "cpu_ms": 1000 * cpu_s / calls}


def child(name: str, bucket: str) -> Figures:
    """The figures of all operations by one client, in this process."""
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    client = CLIENTS[name](bucket)
    etag = client.etag("track")
    figures: Figures = {
        "start_up": {
            "wall_ms": 1000 * (time.perf_counter() - start_s),
            "cpu_ms": 1000 * (time.process_time() - start_cpu_s),
        }
    }

    def a_range(number: int) -> None:
        assert len(client.read("track", etag, number % 64 * RANGE_BYTES, RANGE_BYTES)) == RANGE_BYTES

    def a_track(_: int) -> None:
        assert len(client.read("track", etag, 0, TRACK_BYTES)) == TRACK_BYTES

    def a_listing(_: int) -> None:
        assert client.list("keys") == KEYS

    figures["range_64k"] = measured(CALLS["range_64k"], a_range)
    figures["range_64k_8_threads"] = measured(CALLS["range_64k_8_threads"], a_range, THREADS)
    figures["get_4m"] = measured(CALLS["get_4m"], a_track)
    figures["put_1k"] = measured(CALLS["put_1k"], lambda number: client.write(f"small/{number}", SMALL))
    figures["list_10k"] = measured(CALLS["list_10k"], a_listing)
    figures["peak"] = {"mb": peak_mb()}
    return figures


def peak_mb() -> float:
    """The peak memory of this process. getrusage would also count the parent's memory at the fork."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def fill(bucket: str) -> None:
    """Upload a track, and many small objects unless they exist."""
    client = Ours(bucket)
    client.write("track", os.urandom(TRACK_BYTES))
    if client.list("keys") != KEYS:
        with ThreadPoolExecutor(THREADS) as pool:
            list(
                pool.map(lambda n: client.write(f"keys/album-{n // 20:04d}/track-{n % 20:02d}.flac", b""), range(KEYS))
            )


def compared(runs: dict[str, list[Figures]]) -> Figures:
    """The medians over the rounds for both clients, and the ratio of obstore to ours."""
    table: Figures = {}
    for operation, kinds in runs["ours"][0].items():
        row = table[operation] = {}
        for kind in kinds:
            ours, other = (statistics.median(run[operation][kind] for run in runs[name]) for name in CLIENTS)
            row |= {f"ours_{kind}": round(ours, 3), f"obstore_{kind}": round(other, 3)}
            row[f"ratio_{kind}"] = round(other / ours, 2)
    return table


def measure(bucket: str, rounds: int) -> Figures:
    """Run both clients in turns, each time in a new process."""
    fill(bucket)
    runs: dict[str, list[Figures]] = {name: [] for name in CLIENTS}
    for _ in range(rounds):
        for name in CLIENTS:
            command = [sys.executable, __file__, f"s3://{bucket}", "--child", name]
            runs[name].append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    return compared(runs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bucket")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", choices=sorted(CLIENTS))
    given = parser.parse_args()
    bucket = given.bucket.removeprefix("s3://").rstrip("/")
    print(json.dumps(child(given.child, bucket) if given.child else measure(bucket, given.rounds), indent=1))
