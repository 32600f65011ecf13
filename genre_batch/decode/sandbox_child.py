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
from genre_batch.decode.sandbox_wire import Kind, pack_numbers, receive, send, unpack_numbers

Handler = Callable[[bytes, BinaryIO, int], bytes]

_BUFFER_BYTES = 32 * 1024
_QUIET_S = 0.1
"""CPU seconds of work after which a child that does not read lets the parent know of it."""


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
    """Answer calls on `link`; what is large is found and left in `arena`. Raises PeerGone when the parent hangs up."""
    while True:
        size_bytes, request_bytes = unpack_numbers(receive(link).payload, 2)
        request = arena[:request_bytes]
        source = _remote_file(link, arena, size_bytes)
        kind, answer = _run(handler, request, source, size_bytes)
        if kind is Kind.ANSWER:
            arena[: len(answer)] = answer
            answer = pack_numbers(len(answer))
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
    """The track's bytes, fetched from the parent. Small reads are served by a buffer in C.

    They stay where the parent puts them, one fetch after the other, and from the start again where the arena ends: it
    is so much larger than what a RangedFile keeps that nothing is overwritten that may still be read.
    """
    shared, place, heard_s = memoryview(arena), 0, time.process_time()

    def fetch(start: int, length: int) -> memoryview:
        nonlocal place, heard_s
        if place + length > len(shared):
            place = 0
        send(link, Kind.FETCH, pack_numbers(start, length, place), cpu_ns=time.process_time_ns())
        receive(link)
        place += length
        heard_s = time.process_time()
        return shared[place - length : place]

    def tell_alive() -> None:
        if time.process_time() - heard_s > _QUIET_S:
            fetch(0, 0)

    return io.BufferedReader(RangedFile(fetch, size_bytes, tell_alive=tell_alive), _BUFFER_BYTES)
