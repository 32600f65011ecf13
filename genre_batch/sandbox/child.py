"""What runs in a sandboxed child: one call after another, until its parent hangs up or a bad file kills it."""

import io
import mmap
import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from genre_batch.catalog.reject import TrackRejected
from genre_batch.sandbox.wire import FrameKind, pack_numbers, receive, send, unpack_numbers
from genre_batch.storage.ranged_file import RangedFile

Handler = Callable[[bytes, BinaryIO, int], bytes]
"""`(request, source, size_bytes)` to the answer."""

_BUFFER_BYTES = 32 * 1024
_REPORT_AFTER_S = 0.1
"""CPU seconds without a fetch after which reported progress is sent to the parent."""


def limit_resources(memory_bytes: int) -> None:
    """Forbid this process to take more than another `memory_bytes`, to open or write files, and to dump core.

    The limit is on address space, so it counts memory mapped by native libraries as well as memory from malloc. Sockets
    and files that are open already stay usable.
    """
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    address_space = pages * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
        resource.setrlimit(limit, (0, 0))


def serve_calls(link: socket.socket, arena: mmap.mmap, handler: Handler) -> None:
    """Answer calls on `link`; requests, fetched bytes and answers pass through `arena`.

    Raises PeerGone when the parent hangs up.
    """
    while True:
        size_bytes, request_bytes = unpack_numbers(receive(link).payload, 2)
        request = arena[:request_bytes]
        source = _remote_file(link, arena, size_bytes)
        kind, answer = _run(handler, request, source, size_bytes)
        if kind is FrameKind.ANSWER:
            arena[: len(answer)] = answer
            answer = pack_numbers(len(answer))
        send(link, kind, answer, cpu_ns=time.process_time_ns())


def _run(handler: Handler, request: bytes, source: BinaryIO, size_bytes: int) -> tuple[FrameKind, bytes]:
    try:
        return FrameKind.ANSWER, handler(request, source, size_bytes)
    except TrackRejected as rejected:
        reject = rejected.reject
        return FrameKind.REJECT, f"{reject.reason}\n{reject.stage}\n{reject.message}".encode(errors="replace")
    except MemoryError:
        return FrameKind.OUT_OF_MEMORY, b""
    # no error of the handler may end the run
    except Exception as error:  # noqa: BLE001
        return FrameKind.ERROR, f"{type(error).__name__}: {error}"[:2000].encode(errors="replace")


def _remote_file(link: socket.socket, arena: mmap.mmap, size_bytes: int) -> BinaryIO:
    """The object's bytes, fetched from the parent. A buffer in C serves small reads.

    The bytes stay where the parent puts them. Fetches fill the arena in order and start over at its end. The arena is
    so much larger than what a RangedFile caches that nothing still in use is overwritten.
    """
    shared, position, last_fetch_s = memoryview(arena), 0, time.process_time()

    def fetch(start: int, length: int) -> memoryview:
        nonlocal position, last_fetch_s
        if position + length > len(shared):
            position = 0
        send(link, FrameKind.FETCH, pack_numbers(start, length, position), cpu_ns=time.process_time_ns())
        receive(link)
        position += length
        last_fetch_s = time.process_time()
        return shared[position - length : position]

    def report_progress() -> None:
        if time.process_time() - last_fetch_s > _REPORT_AFTER_S:
            fetch(0, 0)

    return io.BufferedReader(RangedFile(fetch, size_bytes, on_progress=report_progress), _BUFFER_BYTES)
