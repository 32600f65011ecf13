"""What it costs to look up the objects of a catalog file: by the driver's threads, and by actors.

    python benchmarks/look_ups.py --rows 20000 --actors 2

The server, in a process of its own, answers every HEAD at once. On a shared machine only the CPU time tells anything:
of this process per row, which limits its rate, and of all actors per row.
"""

import argparse
import asyncio
import multiprocessing
import os
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import ray

from genre_batch.catalog.catalog_file import CatalogRow, HeadResult, tracks_of
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.look_ups import look_up_on_actors
from genre_batch.stages.stage import ExtractPool

ANSWER = (
    b'HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\nETag: "0123456789abcdef0123456789abcdef"\r\n'
    b"Last-Modified: Sun, 29 Nov 2026 01:00:00 GMT\r\nx-amz-request-id: 1\r\n\r\n"
)


class Heads(asyncio.Protocol):
    """Answers each request, which has no body, with `ANSWER`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._seen = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        *whole, self._seen = (self._seen + data).split(b"\r\n\r\n")
        self._transport.write(ANSWER * len(whole))


def serve(port_to: Connection) -> None:
    """Serve until the process is ended; send the port first."""

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Heads, "127.0.0.1", 0)
        port_to.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def rows_of(count: int) -> list[CatalogRow]:
    """Rows of a catalog file."""
    uris = (f"s3://music/label-{number // 1000:05d}/track-{number:09d}.flac" for number in range(count))
    return [CatalogRow(uri, uri) for uri in uris]


def measure(name: str, tracks: Iterator[object], rows: int) -> None:
    """Print what it took to come to the end of `tracks`."""
    wall_s, cpu_s = time.monotonic(), time.process_time()
    found = sum(1 for _ in tracks)
    assert found == rows
    wall_s, cpu_s = time.monotonic() - wall_s, time.process_time() - cpu_s
    print(f"{name}: {1e6 * cpu_s / rows:.0f} µs of this process per row, {rows / wall_s:,.0f} rows/s")


def main() -> None:
    """Measure both ways."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--actors", type=int, default=2)
    asked = parser.parse_args()
    mine, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    os.environ |= {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{mine.recv()}", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    rows = rows_of(asked.rows)
    measure("threads of the driver", tracks_of(rows), asked.rows)
    ray.init(address="local", num_cpus=asked.actors, include_dashboard=False, log_to_driver=False)

    def there(found: Iterator[CatalogRow]) -> Iterator[HeadResult]:
        return look_up_on_actors(lambda: Cluster(asked.actors, 0.0, own=True), ExtractPool(), None, found)

    warm = rows_of(1000)
    measure("actors, with their start", tracks_of(warm, look_up_many=there, few_rows=1), len(warm))
    measure("actors", tracks_of(rows, look_up_many=there, few_rows=1), asked.rows)
    server.terminate()


if __name__ == "__main__":
    main()
