"""The parent's end of a sandbox's fork server."""

import mmap
import os
import socket
import subprocess
import sys
from pathlib import Path

from genre_batch.sandbox.wire import (
    ARENA_BYTES,
    FORK,
    KILL,
    Frame,
    FrameKind,
    PeerError,
    PeerMalformed,
    receive,
    socket_pair,
    unpack_numbers,
)

_USUAL_WORK_NS = 12e6
"""CPU time of the standard work of the server on the processors for which the limits were chosen."""
_START_S = 120.0
_ANSWER_S = 30.0
_CLOSE_S = 5.0
_PASSED_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONHOME")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class ForkServer:
    """A fork server that is starting or running, and has at most one child. It dies with this process.

    cpu_s: CPU seconds of the server itself, without its children.
    slowness: how many times as long as usual this processor takes for the same work, 1 or more.
    arena: [ARENA_BYTES] memory that its children share with this process.
    """

    def __init__(self, handler: str, memory_bytes: int) -> None:
        self._control, theirs = socket_pair()
        memory = os.memfd_create("arena")
        os.truncate(memory, ARENA_BYTES)
        self.arena = mmap.mmap(memory, ARENA_BYTES)
        descriptors = (theirs.fileno(), memory)
        program = [sys.executable, "-P", "-s", "-m", "genre_batch.sandbox.server"]
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
        self.cpu_s, self.slowness = 0.0, 1.0
        self._handler = handler
        self._is_ready = False

    def await_ready(self) -> None:
        """Return once the server has imported the handler. Raises RuntimeError if it cannot."""
        if self._is_ready:
            return
        try:
            frame = self._receive(_START_S)
        except PeerError as error:
            self.close()
            text = f"the sandbox for {self._handler} did not start (exit status {self._process.returncode})"
            raise RuntimeError(text) from error
        if frame.kind is not FrameKind.READY:
            self.close()
            raise RuntimeError(f"the sandbox cannot load {self._handler}: {frame.payload.decode(errors='replace')}")
        self.slowness = max(1.0, unpack_numbers(frame.payload, 1)[0] / _USUAL_WORK_NS)
        self._is_ready = True

    def fork(self) -> tuple[socket.socket, int]:
        """A socket to a new child, and its process id.

        Raises PeerError if the server is gone, RuntimeError as `await_ready` does.
        """
        self.await_ready()
        ours, theirs = socket_pair()
        try:
            with theirs:
                socket.send_fds(self._control, [FORK], [theirs.fileno()])
            (child,) = unpack_numbers(self._answer(FrameKind.READY, _ANSWER_S).payload, 1)
        except OSError as error:
            ours.close()
            raise PeerError("the fork server is gone") from error
        except PeerError:
            ours.close()
            raise
        return ours, child

    def kill(self) -> tuple[int, float]:
        """Kill the child, if it is still alive. Returns its wait status and the CPU seconds it used.

        Raises PeerError if the server is gone, and the child with it.
        """
        try:
            self._control.sendall(KILL)
        except OSError as error:
            raise PeerError("the fork server is gone") from error
        status, cpu_ns = unpack_numbers(self._answer(FrameKind.ENDED, _ANSWER_S).payload, 2)
        return status, cpu_ns / 1e9

    def close(self) -> None:
        """End the server and its child, and wait until the server has exited."""
        self._control.close()
        self.arena.close()
        try:
            self._process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answer(self, kind: FrameKind, within_s: float) -> Frame:
        frame = self._receive(within_s)
        if frame.kind is not kind:
            raise PeerMalformed(f"the fork server answered {frame.kind.name}")
        return frame

    def _receive(self, within_s: float) -> Frame:
        frame = receive(self._control, within_s=within_s)
        self.cpu_s = frame.cpu_ns / 1e9
        return frame


def _clean_environment() -> dict[str, str]:
    """The environment variables of a child: no credentials, only what it needs, one thread per library."""
    passed = {name: os.environ[name] for name in _PASSED_VARIABLES if name in os.environ}
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    return passed | dict.fromkeys(_THREADS, "1") | {"PYTHONPATH": path}
