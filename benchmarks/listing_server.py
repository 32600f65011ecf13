"""An S3 endpoint for `listing.py` that supports only ListObjectsV2, and generates its keys on request.

    python benchmarks/listing_server.py --tracks 1000000

Prints its URL and serves until its stdin ends; then prints its CPU seconds.
"""

import argparse
import json
import sys
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit
from xml.sax.saxutils import escape

ALBUM_TRACKS = 20
LABEL_TRACKS = 10_000
END = "\U0010ffff"
TAIL = (
    "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
    "<StorageClass>STANDARD</StorageClass></Contents>"
)


def key_of(number: int) -> str:
    """The key of a track. Keys sort like the numbers."""
    label, rest = divmod(number, LABEL_TRACKS)
    album, track = divmod(rest, ALBUM_TRACKS)
    return f"music/label-{label:05d}/album-{album:03d}/track-{track:02d}.flac"


PLACES = [key_of(number).removeprefix("music/label-00000/") for number in range(LABEL_TRACKS)]
"""The keys below any label, ready: the endpoint shares the cores with what is measured."""


def etag_of(number: int) -> str:
    """32 hex digits that do not compress, like a real etag."""
    return f"{(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"


class Catalog:
    """The keys of `tracks` tracks, in order. Keys are found by bisection, so that none is stored."""

    def __init__(self, tracks: int) -> None:
        self._numbers = range(tracks)

    def page(self, prefix: str, after: str, delimiter: str, most: int) -> tuple[list[int], list[str], str | None]:
        """Track numbers and common prefixes after the key `after`, and the key to continue after, None at the end."""
        at = max(self._from(prefix), bisect_right(self._numbers, after, key=key_of))
        stop = self._from(prefix + END)
        if not delimiter:
            found = list(range(at, min(stop, at + most)))
            return found, [], key_of(found[-1]) if at + most < stop else None
        folders: list[str] = []
        tracks: list[int] = []
        while at < stop and len(folders) + len(tracks) < most:
            head, slash, _ = key_of(at).removeprefix(prefix).partition(delimiter)
            if slash:
                folders.append(prefix + head + slash)
                at = self._from(folders[-1] + END)
            else:
                tracks.append(at)
                at += 1
        return tracks, folders, None if at >= stop else key_of(at - 1)

    def _from(self, key: str) -> int:
        return bisect_left(self._numbers, key, key=key_of)


def body(catalog: Catalog, query: dict[str, str]) -> bytes:
    """The body of the response to one request."""
    after = query.get("continuation-token") or query.get("start-after", "")
    most = min(1000, int(query.get("max-keys", "1000")))
    numbers, folders, rest = catalog.page(query.get("prefix", ""), after, query.get("delimiter", ""), most)
    return "".join(_parts(query, numbers, folders, rest)).encode()


def _parts(query: dict[str, str], numbers: list[int], folders: list[str], rest: str | None) -> Iterator[str]:
    spelled = quote if query.get("encoding-type") == "url" else escape
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>catalog</Name>'
    yield f"<Prefix>{spelled(query.get('prefix', ''))}</Prefix><KeyCount>{len(numbers) + len(folders)}</KeyCount>"
    yield "<EncodingType>url</EncodingType>" if spelled is quote else ""
    yield "<IsTruncated>false</IsTruncated>" if rest is None else "<IsTruncated>true</IsTruncated>"
    yield "" if rest is None else f"<NextContinuationToken>{escape(rest)}</NextContinuationToken>"
    for number in numbers:  # nothing in a key needs spelling
        yield (
            f"<Contents><Key>music/label-{number // LABEL_TRACKS:05d}/{PLACES[number % LABEL_TRACKS]}</Key>"
            f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;{etag_of(number)}&quot;</ETag>"
            f"<Size>{30_000_000 + number}</Size>{TAIL}"
        )
    for folder in folders:
        yield f"<CommonPrefixes><Prefix>{spelled(folder)}</Prefix></CommonPrefixes>"
    yield "</ListBucketResult>"


class Handler(BaseHTTPRequestHandler):
    """Answers listings, each after a delay of `latency_s` seconds."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def __init__(self, catalog: Catalog, latency_s: float, *connection: object) -> None:
        self._catalog = catalog
        self._latency_s = latency_s
        super().__init__(*connection)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer one listing."""
        query = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
        time.sleep(self._latency_s)
        data = body(self._catalog, query)
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002 (so it is named in the base class)
        """Log nothing."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=1_000_000)
    parser.add_argument("--latency-s", type=float, default=0.0)
    given = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, Catalog(given.tracks), given.latency_s))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    sys.stdin.read()
    print(json.dumps({"cpu_s": time.process_time()}), flush=True)
