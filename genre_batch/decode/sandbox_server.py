"""The fork server of a sandbox: `python -m genre_batch.decode.sandbox_server CONTROL ARENA MODULE:FUNCTION BYTES`.

It imports the handler once, then forks a child whenever it is told to, which takes milliseconds. It never touches a
track itself. It ends, and its child with it, when the parent closes the control socket or is gone. CONTROL and ARENA
are file descriptors, BYTES is the memory that a child may take.
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
from genre_batch.decode.sandbox_child import Handler, limit_resources, serve_calls
from genre_batch.decode.sandbox_wire import ARENA_BYTES, FORK, KILL, Kind, PeerGone, pack_numbers, send

_PR_SET_PDEATHSIG = 1
_PARENT_CHECK_S = 2.0


def main() -> None:
    """Run the server until the parent hangs up."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    arena = mmap.mmap(int(sys.argv[2]), ARENA_BYTES)
    os.close(int(sys.argv[2]))
    try:
        handler = load_handler(sys.argv[3])
    # whatever an import can raise is told to the parent
    except Exception as error:  # noqa: BLE001
        send(control, Kind.ERROR, f"{type(error).__name__}: {error}".encode(errors="replace"))
        return
    printable("\0")  # Python loads the codec for it from a file, which a child may not do
    gc.freeze()
    send(control, Kind.READY, cpu_ns=time.process_time_ns())
    with suppress(PeerGone):
        _Server(control, arena, handler, int(sys.argv[4])).serve()


def load_handler(name: str) -> Handler:
    """The function that `package.module:function` names. Raises ImportError or AttributeError."""
    module, _, function = name.partition(":")
    handler: Handler = getattr(importlib.import_module(module), function)
    return handler


class _Server:
    """Has at most one child at a time."""

    def __init__(self, control: socket.socket, arena: mmap.mmap, handler: Handler, memory_bytes: int) -> None:
        self._control = control
        self._arena = arena
        self._handler = handler
        self._memory_bytes = memory_bytes
        self._parent = os.getppid()
        self._libc = ctypes.CDLL(None)
        self._child = 0

    def serve(self) -> None:
        """Follow the parent's commands until it hangs up."""
        while self._parent_is_there():
            command, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
            if command == FORK and descriptors:
                self._fork(socket.socket(fileno=descriptors[0]))
                send(self._control, Kind.READY, pack_numbers(self._child), cpu_ns=time.process_time_ns())
            elif command == KILL:
                send(self._control, Kind.ENDED, self._end_child(), cpu_ns=time.process_time_ns())
            else:
                break
        self._end_child()

    def _parent_is_there(self) -> bool:
        """Wait for a command. A copy of the parent's socket in another process must not keep the server alive."""
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
        """Kill and reap the child. Its wait status and the CPU nanoseconds it used in its life, packed."""
        if not self._child:
            return pack_numbers(0, 0)
        os.kill(self._child, signal.SIGKILL)
        _, status, usage = os.wait4(self._child, 0)
        self._child = 0
        return pack_numbers(status, round((usage.ru_utime + usage.ru_stime) * 1e9))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
