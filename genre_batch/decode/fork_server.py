"""The parent's end of a sandbox's fork server."""

import mmap
import os
import socket
import subprocess
import sys
from pathlib import Path

from genre_batch.decode.sandbox_wire import (
    ARENA_BYTES,
    FORK,
    KILL,
    Frame,
    Kind,
    PeerError,
    PeerMalformed,
    receive,
    socket_pair,
    unpack_numbers,
)

_START_S = 120.0
_ANSWER_S = 30.0
_CLOSE_S = 5.0
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONHOME")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class ForkServer:
    """A running fork server; it dies with this process. `cpu_s` is what it has used itself.

    arena: [ARENA_BYTES] memory that its children share with this process.
    Raises RuntimeError when the handler cannot be imported.
    """

    def __init__(self, handler: str, memory_bytes: int) -> None:
        self._control, theirs = socket_pair()
        memory = os.memfd_create("arena")
        os.truncate(memory, ARENA_BYTES)
        self.arena = mmap.mmap(memory, ARENA_BYTES)
        descriptors = (theirs.fileno(), memory)
        program = [sys.executable, "-P", "-s", "-m", "genre_batch.decode.sandbox_server"]
        try:
            self._process = subprocess.Popen(
                [*program, *map(str, descriptors), handler, str(memory_bytes)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_clean_environment(),
                pass_fds=descriptors,
            )
        finally:
            theirs.close()
            os.close(memory)
        self.cpu_s = 0.0
        self._await_ready(handler)

    def fork(self) -> tuple[socket.socket, int]:
        """A socket to a new child, the only one, and its process id. Raises PeerError when the server is gone."""
        ours, theirs = socket_pair()
        try:
            with theirs:
                socket.send_fds(self._control, [FORK], [theirs.fileno()])
            (child,) = unpack_numbers(self._answer(Kind.READY, _ANSWER_S).payload, 1)
        except OSError as error:
            ours.close()
            raise PeerError("the fork server has gone") from error
        except PeerError:
            ours.close()
            raise
        return ours, child

    def kill(self) -> tuple[int, float]:
        """End the child, which may have died already: its wait status, and the CPU seconds it used in its life.

        Raises PeerError when the server is gone; the child is too, then.
        """
        try:
            self._control.sendall(KILL)
        except OSError as error:
            raise PeerError("the fork server has gone") from error
        status, cpu_ns = unpack_numbers(self._answer(Kind.ENDED, _ANSWER_S).payload, 2)
        return status, cpu_ns / 1e9

    def close(self) -> None:
        """End the server and its child, and wait for it."""
        self._control.close()
        self.arena.close()
        try:
            self._process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _await_ready(self, handler: str) -> None:
        try:
            frame = self._receive(_START_S)
        except PeerError as error:
            self.close()
            text = f"the sandbox for {handler} did not start (exit status {self._process.returncode})"
            raise RuntimeError(text) from error
        if frame.kind is not Kind.READY:
            self.close()
            raise RuntimeError(f"the sandbox cannot load {handler}: {frame.payload.decode(errors='replace')}")

    def _answer(self, kind: Kind, within_s: float) -> Frame:
        frame = self._receive(within_s)
        if frame.kind is not kind:
            raise PeerMalformed(f"the fork server answered {frame.kind.name}")
        return frame

    def _receive(self, within_s: float) -> Frame:
        frame = receive(self._control, within_s=within_s)
        self.cpu_s = frame.cpu_ns / 1e9
        return frame


def _clean_environment() -> dict[str, str]:
    """The variables that a decoder may see: no credentials, nothing it does not need, one thread a library."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    return kept | dict.fromkeys(_THREADS, "1") | {"PYTHONPATH": path}
