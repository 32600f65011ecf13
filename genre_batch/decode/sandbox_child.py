"""What a sandboxed child does: one call after the other, until its parent hangs up or it dies of a bad file."""

import io
import mmap
import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from genre_batch.catalog.reject import TrackRejected
from genre_batch.decode.ranged_file import RangedFile
from genre_batch.decode.sandbox_wire import Kind, pack_pair, receive, send

Handler = Callable[[bytes, BinaryIO, int], bytes]

_BUFFER_BYTES = 64 * 1024
_MOST_REQUEST_BYTES = 1 << 30
_SIZE_BYTES = 8


def limit_resources(memory_bytes: int) -> None:
    """Let this process take `memory_bytes` more than it has now, open nothing, write no file and dump no core.

    The limit is on address space: it counts what native libraries map just as what malloc takes. Sockets and
    files that are open stay usable.
    """
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    address_space = pages * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
        resource.setrlimit(limit, (0, 0))


def serve_calls(link: socket.socket, arena: mmap.mmap, handler: Handler) -> None:
    """Answer calls on `link`, finding fetched bytes in `arena`. Raises PeerGone when the parent hangs up."""
    while True:
        call = receive(link, most_bytes=_MOST_REQUEST_BYTES)
        size_bytes = int.from_bytes(call.payload[:_SIZE_BYTES], "little")
        source = _remote_file(link, arena, size_bytes)
        kind, answer = _run(handler, bytes(call.payload[_SIZE_BYTES:]), source, size_bytes)
        send(link, kind, answer, cpu_ns=time.process_time_ns())


def _run(handler: Handler, request: bytes, source: BinaryIO, size_bytes: int) -> tuple[Kind, bytes]:
    try:
        return Kind.ANSWER, handler(request, source, size_bytes)
    except TrackRejected as rejected:
        reject = rejected.reject
        return Kind.REJECT, f"{reject.reason}\n{reject.stage}\n{reject.message}".encode(errors="replace")
    except MemoryError:
        return Kind.OUT_OF_MEMORY, b""
    # a fault of the handler, whatever it is, must not end the run
    except Exception as error:  # noqa: BLE001
        return Kind.ERROR, f"{type(error).__name__}: {error}"[:2000].encode(errors="replace")


def _remote_file(link: socket.socket, arena: mmap.mmap, size_bytes: int) -> BinaryIO:
    """The track's bytes, fetched from the parent. Small reads are served by a buffer in C."""

    def fetch(start: int, length: int) -> bytes:
        send(link, Kind.FETCH, pack_pair(start, length), cpu_ns=time.process_time_ns())
        receive(link, most_bytes=0)
        return arena[:length]

    return io.BufferedReader(RangedFile(fetch, size_bytes), _BUFFER_BYTES)
