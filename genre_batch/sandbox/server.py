"""The fork server of a sandbox: `python -m genre_batch.sandbox.server CONTROL ARENA MODULE:FUNCTION BYTES`.

It imports the handler once, then forks a child on command, which takes milliseconds. It never touches untrusted bytes
itself. It ends, and its child with it, when the parent closes the control socket or exits. CONTROL and ARENA are file
descriptors, BYTES is the memory that a child may take.
"""

import ctypes
import gc
import importlib
import mmap
import os
import resource
import select
import signal
import socket
import sys
import time
from contextlib import suppress

from genre_batch.catalog.reject import printable
from genre_batch.sandbox.child import Handler, limit_resources, serve_calls
from genre_batch.sandbox.wire import ARENA_BYTES, FORK, KILL, FrameKind, PeerGone, pack_numbers, send

_PR_SET_PDEATHSIG = 1
_PARENT_CHECK_S = 2.0
_STANDARD_STEPS = 200_000


def main() -> None:
    """Run the server until the parent hangs up."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    arena = mmap.mmap(int(sys.argv[2]), ARENA_BYTES)
    os.close(int(sys.argv[2]))
    try:
        handler = load_handler(sys.argv[3])
    # an import can raise anything; the parent reports it
    except Exception as error:  # noqa: BLE001
        send(control, FrameKind.ERROR, f"{type(error).__name__}: {error}".encode(errors="replace"))
        return
    printable("\0")  # Python loads the codec from a file on first use, and a child can open none
    gc.freeze()
    send(control, FrameKind.READY, pack_numbers(_standard_work_ns()), cpu_ns=time.process_time_ns())
    with suppress(PeerGone):
        _Server(control, arena, handler, int(sys.argv[4])).serve()


def _standard_work_ns() -> int:
    """The CPU time of a fixed piece of work on this processor: the least of three tries, in ns."""
    times_ns = []
    for _ in range(3):
        start_ns, value = time.process_time_ns(), 0
        for number in range(_STANDARD_STEPS):
            value = value * 31 + number & 0xFFFF
        times_ns.append(time.process_time_ns() - start_ns)
    return min(times_ns)


def load_handler(name: str) -> Handler:
    """The function that `package.module:function` names. Raises ImportError or AttributeError."""
    module, _, function = name.partition(":")
    handler: Handler = getattr(importlib.import_module(module), function)
    return handler


class _Server:
    """Forks and kills children on the parent's commands; has at most one at a time."""

    def __init__(self, control: socket.socket, arena: mmap.mmap, handler: Handler, memory_bytes: int) -> None:
        self._control = control
        self._arena = arena
        self._handler = handler
        self._memory_bytes = memory_bytes
        self._parent = os.getppid()
        self._libc = ctypes.CDLL(None)
        self._child = 0

    def serve(self) -> None:
        """Execute the parent's commands until it hangs up."""
        while self._wait_for_command():
            command, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
            if command == FORK and descriptors:
                self._fork(socket.socket(fileno=descriptors[0]))
                send(self._control, FrameKind.READY, pack_numbers(self._child), cpu_ns=time.process_time_ns())
            elif command == KILL:
                send(self._control, FrameKind.ENDED, self._end_child(), cpu_ns=time.process_time_ns())
            else:
                break
        self._end_child()

    def _wait_for_command(self) -> bool:
        """Wait for a command; False if the parent has exited.

        A copy of the parent's socket in another process must not keep the server alive.
        """
        while not select.select([self._control], [], [], _PARENT_CHECK_S)[0]:
            if os.getppid() != self._parent:
                return False
        return True

    def _fork(self, link: socket.socket) -> None:
        server = os.getpid()
        self._child = os.fork()
        if self._child == 0:
            try:
                self._control.close()
                self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                if os.getppid() == server:
                    limit_resources(self._memory_bytes)
                    serve_calls(link, self._arena, self._handler)
            finally:
                os._exit(1)
        link.close()

    def _end_child(self) -> bytes:
        """Kill and reap the child. Returns its wait status and the CPU nanoseconds it used, packed."""
        if not self._child:
            return pack_numbers(0, 0)
        os.kill(self._child, signal.SIGKILL)
        _, status, usage = os.wait4(self._child, 0)
        self._child = 0
        return pack_numbers(status, round((usage.ru_utime + usage.ru_stime) * 1e9))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
