"""Runs native code on untrusted bytes in a child process, since it may crash, hang or take all memory."""

import os
import signal
import socket
from typing import Self

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.sandbox.call import Call, ChildClock, ReadRange, TimeLimits
from genre_batch.sandbox.fork_server import ForkServer
from genre_batch.sandbox.wire import Frame, FrameKind, PeerError, PeerLate, PeerMalformed

_CALLS_PER_CHILD = 1000


class Sandbox:
    """Runs `handler` ("package.module:function") on untrusted bytes in a child process.

    The handler is `(request: bytes, source: BinaryIO, size_bytes: int) -> bytes`. Its module is imported once, in a
    fork server of this process, and must import everything it needs: a child can open no file and no socket. This
    process fetches what the child reads from `source`, so the network and the credentials stay here.

    deadline_s: CPU time that a call may take. stall_s: CPU time that the child may use without reading or reporting
    progress. A sleeping child has stalled, too. A slower processor than usual has proportionally more of both, so that
    the same file has the same outcome on it.
    memory_bytes: address space that a child may take on top of what it has when it starts.

    Not for use by several threads at once. The fork server imports the handler while the caller does other things; the
    first call waits for it.
    """

    def __init__(
        self, handler: str, *, deadline_s: float = 30.0, stall_s: float = 30.0, memory_bytes: int = 1 << 30
    ) -> None:
        self._handler = handler
        self._limits = TimeLimits(deadline_s, stall_s)
        self._memory_bytes = memory_bytes
        self._server = ForkServer(handler, memory_bytes)
        self._child: tuple[socket.socket, ChildClock] | None = None
        self._calls_of_child = 0
        self._child_cpu_s = 0.0
        self._past_cpu_s = 0.0

    def await_ready(self) -> None:
        """Return once the handler is imported. Raises RuntimeError if it cannot be imported."""
        self._server.await_ready()

    @property
    def cpu_s(self) -> float:
        """CPU seconds that the fork server and its children have reported so far."""
        return self._server.cpu_s + self._past_cpu_s + self._child_cpu_s

    def call(self, request: bytes, read: ReadRange, size_bytes: int) -> bytes:
        """The handler's answer for an object of `size_bytes`, whose bytes `read(start, length)` returns.

        Raises TrackRejected: the handler's own, or `decoder_crash` (a signal, an exit, a broken protocol, memory beyond
        the limit), `decoder_timeout` (no answer in time, or no progress) or `internal` (another exception in the
        handler, or the sandbox itself was killed). Exceptions of `read` pass through unchanged; the wrong number of
        bytes from it is a ReadFailed. Whatever happens, the next call finds a working child. Raises RuntimeError as
        `await_ready` does.
        """
        try:
            frame = self._begin(request, read, size_bytes).wait_for_answer()
            outcome = self._outcome(frame)
        except PeerError as error:
            raise self._lost(error) from error
        except BaseException:
            self._end_child()
            raise
        self._count_call(frame)
        if isinstance(outcome, TrackRejected):
            raise outcome
        return outcome

    def close(self) -> None:
        """End all processes of the sandbox, which cannot be used afterwards."""
        self._end_child()
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self, request: bytes, read: ReadRange, size_bytes: int) -> Call:
        """A call whose request was sent. A child that died while idle is replaced: this object did not kill it."""
        if self._child is not None:
            try:
                call = self._call(*self._child, read, size_bytes)
                call.send_request(request)
            except PeerError:
                self._end_child()
            else:
                return call
        call = self._call(*self._fork(), read, size_bytes)
        call.send_request(request)
        return call

    def _call(self, link: socket.socket, clock: ChildClock, read: ReadRange, size_bytes: int) -> Call:
        limits = self._limits.on_slower(self._server.slowness)
        return Call(link, clock, self._server.arena, read, size_bytes, limits)

    def _fork(self) -> tuple[socket.socket, ChildClock]:
        """A new child, from a new server if the old one is gone."""
        try:
            link, pid = self._server.fork()
        except PeerError:
            self._past_cpu_s += self._server.cpu_s
            self._server.close()
            self._server = ForkServer(self._handler, self._memory_bytes)
            link, pid = self._server.fork()
        self._child = link, ChildClock(pid)
        return self._child

    def _outcome(self, frame: Frame) -> bytes | TrackRejected:
        """What the child's last frame means. Raises PeerMalformed."""
        match frame.kind:
            case FrameKind.ANSWER:
                return frame.payload
            case FrameKind.REJECT:
                return _parse_reject(frame.payload)
            case FrameKind.ERROR:
                return _rejected(RejectReason.INTERNAL, frame.payload.decode(errors="replace"))
            case FrameKind.OUT_OF_MEMORY:
                text = f"the decoder needs more memory than its limit of {self._memory_bytes >> 20} MiB"
                return _rejected(RejectReason.DECODER_CRASH, text)
            case _:
                raise PeerMalformed(f"a frame of kind {frame.kind.name}")

    def _lost(self, error: PeerError) -> TrackRejected:
        """The reject for an object whose child gave no proper answer. Ends the child."""
        status = self._end_child()
        if status is None:
            return _rejected(RejectReason.INTERNAL, "the sandbox's own process was killed from outside")
        if isinstance(error, PeerLate):
            return _rejected(RejectReason.DECODER_TIMEOUT, f"the decoder was stopped: {error}")
        if isinstance(error, PeerMalformed):
            return _rejected(RejectReason.DECODER_CRASH, f"the decoder process broke the protocol: {error}")
        return _rejected(RejectReason.DECODER_CRASH, f"the decoder process {_describe(status)}")

    def _count_call(self, frame: Frame) -> None:
        self._child_cpu_s = frame.cpu_ns / 1e9
        self._calls_of_child += 1
        worn_out = self._calls_of_child >= _CALLS_PER_CHILD
        if worn_out or frame.kind not in (FrameKind.ANSWER, FrameKind.REJECT):
            self._end_child()

    def _end_child(self) -> int | None:
        """Kill and reap the child. Returns its wait status; None if there is no child or the server is gone."""
        if self._child is None:
            return None
        self._child[0].close()
        self._child = None
        self._calls_of_child = 0
        try:
            status, self._child_cpu_s = self._server.kill()
        except PeerError:
            status = None
        self._past_cpu_s += self._child_cpu_s
        self._child_cpu_s = 0.0
        return status


def _rejected(reason: RejectReason, message: str) -> TrackRejected:
    return TrackRejected(reason, RejectStage.DECODE, message)


def _parse_reject(payload: bytes) -> TrackRejected:
    try:
        reason, stage, message = payload.decode().split("\n", 2)
        return TrackRejected(RejectReason(reason), RejectStage(stage), message)
    except ValueError as error:
        raise PeerMalformed("a malformed reject") from error


def _describe(status: int) -> str:
    """How a process with this wait status ended, as a predicate."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name if number in set(signal.Signals) else "unknown"
        return f"was killed by signal {number} ({name})"
    return f"exited with status {os.WEXITSTATUS(status)}"
