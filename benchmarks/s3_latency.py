"""The cost of a slow S3: the same catalog through the same relay, with and without a delay before every response.

    python benchmarks/s3_latency.py [--tracks 120] [--latency-ms 50] [--pairs 2] [--encoding mp3]

Prints one JSON object. `ratio`: tracks per second with the delay over those without, from the first batch to the last
commit; the median over alternating pairs of runs. Everything runs on local Ray with two extract actors.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import c_double
from multiprocessing.connection import Connection
from typing import Protocol
from urllib.parse import urlsplit

import boto3
import ray
from floor import track

from genre_batch.config import ScoreConfig, load
from genre_batch.demo.encode import Encoding
from genre_batch.demo.s3_server import environment_variables, s3_server
from genre_batch.pipeline import score

CORES = 2
DISTINCT_TRACKS = 4
PIECE_BYTES = 1 << 18
BUCKET = "latency"


class Delay(Protocol):
    """Seconds before the first byte of each response, in memory shared with the relay."""

    value: float


class Relay:
    """Forwards bytes between clients and `upstream` unexamined. Responses are delayed independently."""

    def __init__(self, upstream: str, delay: Delay) -> None:
        self._upstream = urlsplit(upstream)
        self._delay = delay

    async def serve(self, announce: Connection) -> None:
        """Send the port, then serve until the process ends."""
        server = await asyncio.start_server(self._serve_client, "127.0.0.1", 0, limit=PIECE_BYTES, backlog=256)
        announce.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    async def _serve_client(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(
            self._upstream.hostname, self._upstream.port, limit=PIECE_BYTES
        )
        asked = asyncio.Event()
        with suppress(ConnectionError):
            await asyncio.gather(self._ask(client, to_server, asked), self._answer(server, to_client, asked))

    async def _ask(self, client: asyncio.StreamReader, server: asyncio.StreamWriter, asked: asyncio.Event) -> None:
        while piece := await client.read(PIECE_BYTES):
            asked.set()
            server.write(piece)
            await server.drain()
        server.close()

    async def _answer(self, server: asyncio.StreamReader, client: asyncio.StreamWriter, asked: asyncio.Event) -> None:
        while piece := await server.read(PIECE_BYTES):
            if asked.is_set():
                asked.clear()
                await asyncio.sleep(self._delay.value)
            client.write(piece)
            await client.drain()
        client.close()


def relay(upstream: str, delay: Delay, announce: Connection) -> None:
    """The main function of the relay's process."""
    asyncio.run(Relay(upstream, delay).serve(announce))


@contextmanager
def relayed(upstream: str) -> Iterator[tuple[str, Delay]]:
    """The endpoint of a relay in its own process, and its adjustable delay."""
    spawn = multiprocessing.get_context("spawn")
    delay: Delay = spawn.Value(c_double, 0.0, lock=False)
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=relay, args=(upstream, delay, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}", delay
    finally:
        process.terminate()
        process.join()


def upload(tracks: int, encoding: Encoding) -> None:
    """Upload `tracks` objects of 4 minutes with a few distinct contents."""
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    contents = [track(encoding, 240.0, seed) for seed in range(DISTINCT_TRACKS)]
    for number in range(tracks):
        key = f"music/{number:06d}.{encoding.value}"
        client.put_object(Bucket=BUCKET, Key=key, Body=contents[number % DISTINCT_TRACKS])


def tracks_per_s(tracks: int, output: str) -> float:
    """Tracks per second of one run over the catalog."""
    given = {"source": f"s3://{BUCKET}/music/", "output": f"s3://{BUCKET}/{output}"}
    settings = [f"extract.min_size={CORES}", f"extract.max_size={CORES}", "shard_tracks=64"]
    report = score(load(ScoreConfig, None, settings, given))
    assert report.scored == tracks, report
    return report.tracks_per_s


def measure(tracks: int, latency_s: float, pairs: int, encoding: Encoding) -> dict[str, object]:
    """The figures of one benchmark run."""
    with s3_server() as environment, relayed(environment["AWS_ENDPOINT_URL"]) as (endpoint, delay):
        with environment_variables(environment):
            upload(tracks, encoding)
        with environment_variables(environment | {"AWS_ENDPOINT_URL": endpoint, "RAY_ADDRESS": "local"}):
            ray.init(num_cpus=CORES, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
            rates: dict[bool, list[float]] = {False: [], True: []}
            for number in range(2 * pairs):
                delayed = number % 4 in (1, 2)
                delay.value = latency_s if delayed else 0.0
                rates[delayed].append(tracks_per_s(tracks, f"out-{number}"))
            ray.shutdown()
    ratios = [slow / fast for slow, fast in zip(rates[True], rates[False], strict=True)]
    return {
        "tracks_per_s_without": [round(rate, 2) for rate in rates[False]],
        "tracks_per_s_with": [round(rate, 2) for rate in rates[True]],
        "ratios": [round(ratio, 3) for ratio in ratios],
        "ratio": round(statistics.median(ratios), 3),
    }


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=120)
    parser.add_argument("--latency-ms", type=float, default=50.0)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--encoding", choices=[encoding.name.lower() for encoding in Encoding], default="mp3")
    given = parser.parse_args()
    figures = measure(given.tracks, given.latency_ms / 1000, given.pairs, Encoding[given.encoding.upper()])
    print(json.dumps({"tracks": given.tracks, "latency_ms": given.latency_ms, "cores": CORES, **figures}, indent=1))
