"""Native decoders crash, hang and explode: untrusted bytes are handled in a child process that may be lost."""

import os
import signal
import socket
from types import TracebackType
from typing import Self

from genre_batch.catalog.reject import RejectReason, Stage, TrackRejected
from genre_batch.decode.child_clock import ChildClock
from genre_batch.decode.conversation import Conversation, Patience, ReadRange
from genre_batch.decode.fork_server import ForkServer
from genre_batch.decode.rejected import rejected
from genre_batch.decode.sandbox_wire import Frame, Kind, PeerError, PeerLate, PeerMalformed

_CALLS_PER_CHILD = 1000


class Sandbox:
    """Runs `handler` ("package.module:function") on untrusted bytes in a child process.

    The handler is `(request: bytes, source: BinaryIO, size_bytes: int) -> bytes`. Its module is imported once, in a
    fork server of this process, and has to import all it needs: a child can open no file and no socket. What the
    child reads from `source` is fetched by this process, so the network and the credentials stay here.

    deadline_s: time that a call may take, not counting the time spent in `read` here, which has its own limits.
    stall_s: CPU time that the child may use without reading or decoding on; it is given up if it sleeps, too.
    memory_bytes: address space that a child may take on top of what it has when it starts.

    One call at a time: not for use by several threads at once. Raises RuntimeError when the handler cannot be imported.
    """

    def __init__(
        self, handler: str, *, deadline_s: float = 30.0, stall_s: float = 30.0, memory_bytes: int = 1 << 30
    ) -> None:
        self._handler = handler
        self._patience = Patience(deadline_s, stall_s)
        self._memory_bytes = memory_bytes
        self._server = ForkServer(handler, memory_bytes)
        self._child: tuple[socket.socket, ChildClock] | None = None
        self._calls_of_child = 0
        self._child_cpu_s = 0.0
        self._past_cpu_s = 0.0

    @property
    def cpu_s(self) -> float:
        """CPU seconds used so far by the fork server and its children, as far as they have reported."""
        return self._server.cpu_s + self._past_cpu_s + self._child_cpu_s

    def call(self, request: bytes, read: ReadRange, size_bytes: int) -> bytes:
        """The handler's answer for an object of `size_bytes`, whose bytes `read(start, length)` returns.

        Raises TrackRejected: what the handler raised itself, or `decoder_crash` (a signal, an exit, an answer that
        makes no sense, memory beyond the limit), `decoder_timeout` (no answer in time, or no progress), `internal`
        (another exception in the handler, or the sandbox itself was killed). An exception of `read` is raised as it
        is, and an answer of another length than asked for is a ReadFailed. Whatever happened, the next call finds a
        sound child.
        """
        try:
            frame = self._begin(request, read, size_bytes).answer()
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
        """End all processes of the sandbox. It cannot be used afterwards."""
        self._end_child()
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self, request: bytes, read: ReadRange, size_bytes: int) -> Conversation:
        """A call that the child has taken; a child that died while idle is replaced, since no track is to blame."""
        if self._child is not None:
            conversation = Conversation(*self._child, self._server.arena, read, size_bytes, self._patience)
            try:
                conversation.ask(request)
            except PeerError:
                self._end_child()
            else:
                return conversation
        child = self._fork()
        conversation = Conversation(*child, self._server.arena, read, size_bytes, self._patience)
        conversation.ask(request)
        return conversation

    def _fork(self) -> tuple[socket.socket, ChildClock]:
        """A new child, of a new server if the old one is gone."""
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
        """What the child's last frame means for the track. Raises PeerMalformed."""
        match frame.kind:
            case Kind.ANSWER:
                return frame.payload
            case Kind.REJECT:
                return _parse_reject(frame.payload)
            case Kind.ERROR:
                return rejected(RejectReason.INTERNAL, frame.payload.decode(errors="replace"))
            case Kind.OUT_OF_MEMORY:
                text = f"the decoder needs more than the {self._memory_bytes >> 20} MiB it may have"
                return rejected(RejectReason.DECODER_CRASH, text)
            case _:
                raise PeerMalformed(f"a frame of kind {frame.kind.name}")

    def _lost(self, error: PeerError) -> TrackRejected:
        """The reject for a track whose child did not give a proper answer; the child is ended."""
        status = self._end_child()
        if status is None:
            return rejected(RejectReason.INTERNAL, "the sandbox's own process was ended from outside")
        if isinstance(error, PeerLate):
            return rejected(RejectReason.DECODER_TIMEOUT, f"the decoder was given up: {error}")
        if isinstance(error, PeerMalformed):
            return rejected(RejectReason.DECODER_CRASH, f"the decoder's process broke the protocol: {error}")
        return rejected(RejectReason.DECODER_CRASH, f"the decoder's process {_describe(status)}")

    def _count_call(self, frame: Frame) -> None:
        self._child_cpu_s = frame.cpu_ns / 1e9
        self._calls_of_child += 1
        worn_out = self._calls_of_child >= _CALLS_PER_CHILD
        if worn_out or frame.kind not in (Kind.ANSWER, Kind.REJECT):
            self._end_child()

    def _end_child(self) -> int | None:
        """Kill and reap the child: its wait status, or None if there is none or the server is gone."""
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


def _parse_reject(payload: bytes) -> TrackRejected:
    try:
        reason, stage, message = payload.decode().split("\n", 2)
        return TrackRejected(RejectReason(reason), Stage(stage), message)
    except ValueError as error:
        raise PeerMalformed("a reject that is none") from error


def _describe(status: int) -> str:
    """How a process with this wait status ended."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name if number in set(signal.Signals) else "unknown"
        return f"was ended by signal {number} ({name})"
    return f"exited with status {os.WEXITSTATUS(status)}"
