"""Handlers for tests of the sandbox: good, bad and evil ones. They run in its child process."""

import ctypes
import hashlib
import json
import os
import resource
import signal
import socket
import struct
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.window import Window
from genre_batch.sandbox.wire import ARENA_BYTES, FrameKind, pack_numbers
from genre_batch.storage.ranged_file import report_progress

WORK_S = 0.3
_KEPT: list[np.ndarray] = []


def echo(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
    return request + b"|" + source.read() + b"|" + str(size_bytes).encode()


def tail(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
    source.seek(-4, 2)
    return source.read(4)


def digests(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
    """The CRC of each range [start, length] that the request lists."""
    found = []
    for start, length in json.loads(request):
        source.seek(start)
        found.append(zlib.crc32(source.read(length)))
    return json.dumps(found).encode()


def misbehave(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
    """Do what the request names; return the process id if it is empty."""
    return _DEEDS[request.decode() or "pid"](source, size_bytes)


def decode(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
    """A window of 5 s from second 2 on, as its rate and its float32 samples."""
    window = Window(length_s=5.0, min_offset_s=2, max_offset_s=2)
    waveform = decode_window(source, size_bytes, request.decode(), window)
    return struct.pack("<II", waveform.sample_rate, len(waveform.samples)) + waveform.samples.tobytes()


def surroundings(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
    """What the child can see and do, as JSON."""
    found = {
        "environment": dict(os.environ),
        "modules": sorted(name for name in sys.modules if name.split(".")[0] in ("ray", "torch", "multiprocessing")),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "opened_file": _works(lambda: Path(os.devnull).open().close()),
        "opened_socket": _works(lambda: socket.socket().close()),
    }
    return json.dumps(found).encode()


def _works(deed: object) -> bool:
    try:
        deed()
    except OSError:
        return False
    return True


def _link(source: BinaryIO) -> socket.socket:
    cells = source.raw._read.__closure__
    return next(cell.cell_contents for cell in cells if isinstance(cell.cell_contents, socket.socket))


def _spin() -> None:
    while True:
        pass


def _deadlock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def _segfault() -> None:
    ctypes.string_at(0)


def _allocate_natively() -> None:
    """Take and touch memory as a C library does, until it writes to the null pointer that malloc returns."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    while True:
        ctypes.memset(libc.malloc(1 << 26), 1, 1 << 26)


def _hoard() -> None:
    while True:
        _KEPT.append(np.ones(1 << 20))


def _raw(source: BinaryIO, data: bytes) -> None:
    _link(source).sendall(data)
    os._exit(0)


def _flood(source: BinaryIO) -> None:
    """Send fetches without end, and receive nothing."""
    while True:
        _link(source).send(_HEADER.pack(FrameKind.FETCH, 0) + pack_numbers(0, 0, 0))


def _work() -> bytes:
    while time.process_time() < WORK_S:
        pass
    return b"done"


def _plod(source: BinaryIO) -> bytes:
    """Work for a second without reading, and report progress after each block."""
    while time.process_time() < 1.0:
        sum(range(100_000))
        report_progress(source)
    return b"arrived"


def _nap(source: BinaryIO) -> bytes:
    """Sleep and work by turns, never for long."""
    for _ in range(12):
        time.sleep(0.1)
        sum(range(100_000))
    return b"rested"


def _fetch_for_ever(source: BinaryIO, size_bytes: int) -> None:
    while True:
        source.raw._read(0, size_bytes)


def _bug() -> None:
    raise KeyError("no such thing\n\x1b[31m")


def _silent() -> None:
    raise TrackRejected(RejectReason.SILENT, RejectStage.FEATURES, "nothing\nto hear")


_HEADER = struct.Struct("<BQ")
_DEEDS = {
    "pid": lambda source, size: str(os.getpid()).encode(),
    "abort": lambda source, size: os.abort(),
    "segfault": lambda source, size: _segfault(),
    "exit": lambda source, size: os._exit(3),
    "system_exit": lambda source, size: sys.exit(0),
    "kill": lambda source, size: os.kill(os.getpid(), signal.SIGKILL),
    "spin": lambda source, size: _spin(),
    "spin_in_c": lambda source, size: hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1),
    "sleep": lambda source, size: time.sleep(3600),
    "wait_for_itself": lambda source, size: _deadlock(),
    "work": lambda source, size: _work(),
    "plod": lambda source, size: _plod(source),
    "nap": lambda source, size: _nap(source),
    "stop": lambda source, size: os.kill(os.getpid(), signal.SIGSTOP),
    "numpy_bomb": lambda source, size: np.ones(1 << 32).tobytes(),
    "hoard": lambda source, size: _hoard(),
    "native_bomb": lambda source, size: _allocate_natively(),
    "bug": lambda source, size: _bug(),
    "silent": lambda source, size: _silent(),
    "half_answer": lambda source, size: _raw(source, _HEADER.pack(FrameKind.ANSWER, 0) + bytes(4)),
    "half_header": lambda source, size: _raw(source, b"\x04\x00"),
    "huge_answer": lambda source, size: _raw(source, _HEADER.pack(FrameKind.ANSWER, 0) + pack_numbers(1 << 60)),
    "unknown_kind": lambda source, size: _raw(source, _HEADER.pack(99, 0)),
    "wrong_kind": lambda source, size: _raw(source, _HEADER.pack(FrameKind.READY, 0)),
    "untrue_reject": lambda source, size: _raw(source, _HEADER.pack(FrameKind.REJECT, 0) + b"\xffoo\n"),
    "short_fetch": lambda source, size: _raw(source, _HEADER.pack(FrameKind.FETCH, 0) + bytes(3)),
    "long_frame": lambda source, size: _raw(source, _HEADER.pack(FrameKind.ERROR, 0) + bytes(100_000)),
    "fetch_beyond_the_arena": lambda source, size: _raw(
        source, _HEADER.pack(FrameKind.FETCH, 0) + pack_numbers(0, 2, ARENA_BYTES - 1)
    ),
    "flood": lambda source, size: _flood(source),
    "fetch_outside": lambda source, size: source.raw._read(size - 1, 2),
    "fetch_far_outside": lambda source, size: source.raw._read((1 << 64) - 1, 2),
    "fetch_for_ever": _fetch_for_ever,
}
