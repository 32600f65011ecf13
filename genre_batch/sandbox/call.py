"""One call to a sandboxed child, and how it is supervised."""

import mmap
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from genre_batch.sandbox.wire import (
    Frame,
    FrameKind,
    PeerGone,
    PeerLate,
    PeerMalformed,
    pack_numbers,
    receive,
    send,
    unpack_numbers,
)
from genre_batch.storage.store import ReadFailed

_PROCESS_CLOCK = 2
_IDLE_STATES = frozenset("STtZX")
_SPARE_BYTES = 64 << 20
_IDLE_CHECK_S = 0.2
_LEAST_WAIT_S = 0.01

ReadRange = Callable[[int, int], bytes | memoryview]
"""`(start, length)` of an object to its bytes."""


class ChildClock:
    """The CPU time and state of the process `pid`. Its methods raise PeerGone if the process no longer exists."""

    def __init__(self, pid: int) -> None:
        self._id = ~pid << 3 | _PROCESS_CLOCK  # as clock_getcpuclockid(3) computes it
        self._threads = Path(f"/proc/{pid}/task")

    def cpu_s(self) -> float:
        """CPU seconds that the process has used so far, in all its threads."""
        try:
            return time.clock_gettime(self._id)
        except OSError as error:
            raise PeerGone from error

    def is_idle(self) -> bool:
        """Whether all its threads sleep or are stopped, rather than running, ready to run, or waiting for a disk."""
        try:
            threads = list(self._threads.iterdir())
        except OSError as error:
            raise PeerGone from error
        return all(_state(thread) in _IDLE_STATES for thread in threads)


def _state(thread: Path) -> str:
    """The state of a thread by its folder in /proc; that of a dead one if it has just ended."""
    try:
        return (thread / "stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return "X"


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How much a child may work. Its CPU time is measured, which does not run while it waits for a processor.

    deadline_s: CPU seconds in all.
    stall_s: CPU seconds that the child may use without sending a frame: a fetch, a report of progress (a fetch of no
    bytes) or the answer. A child that sleeps has stalled too, since there is nothing it could be waiting for.
    """

    deadline_s: float
    stall_s: float

    def on_slower(self, slowness: float) -> "TimeLimits":
        """The same amount of work on a processor that takes `slowness` times as long for it."""
        return TimeLimits(self.deadline_s * slowness, self.stall_s * slowness)


class Call:
    """Sends one request to the child and serves its fetches until it answers.

    Fetched bytes are written into `arena`, memory shared with the child, at the position the child names. Of what is in
    the arena only the answer is read, and only once, since the child can change it at any time.

    The limits run from construction, which raises PeerGone. Raises PeerGone, PeerLate or PeerMalformed, ReadFailed if
    `read` returns the wrong number of bytes, and whatever `read` raises.
    """

    def __init__(
        self,
        link: socket.socket,
        clock: ChildClock,
        arena: mmap.mmap,
        read: ReadRange,
        size_bytes: int,
        limits: TimeLimits,
    ) -> None:
        self._link = link
        self._clock = clock
        self._arena = arena
        self._read = read
        self._size_bytes = size_bytes
        self._limits = limits
        self._end_s = clock.cpu_s() + limits.deadline_s
        self._allowance_bytes = 4 * size_bytes + _SPARE_BYTES

    def send_request(self, request: bytes) -> None:
        """Send the request. Raises ValueError if it does not fit into the arena."""
        if len(request) > len(self._arena):
            raise ValueError(f"a request of {len(request)} bytes")
        self._arena[: len(request)] = request
        send(self._link, FrameKind.CALL, pack_numbers(self._size_bytes, len(request)))

    def wait_for_answer(self) -> Frame:
        """Serve fetches until the last frame of the call; return that frame."""
        while True:
            frame = self._next_frame()
            if frame.kind is FrameKind.ANSWER:
                return replace(frame, payload=self._answer(*unpack_numbers(frame.payload, 1)))
            if frame.kind is not FrameKind.FETCH:
                return frame
            start, length, position = unpack_numbers(frame.payload, 3)
            self._check_fetch(start, length, position)
            if length:
                self._arena[position : position + length] = self._fetch(start, length)
            send(self._link, FrameKind.DATA)

    def _next_frame(self) -> Frame:
        """The child's next frame. Checks on the child whenever it could have used up its CPU seconds."""
        used_s = self._clock.cpu_s()
        stalled_s = used_s + self._limits.stall_s
        last_s, idle = min(stalled_s, self._end_s), False
        while True:
            try:
                return receive(self._link, within_s=_IDLE_CHECK_S if idle else max(_LEAST_WAIT_S, last_s - used_s))
            except PeerLate:
                before_s, used_s = used_s, self._clock.cpu_s()
                was_idle, idle = idle, self._clock.is_idle()
                if used_s >= self._end_s:
                    text = f"no answer within {self._limits.deadline_s:.3g} s of CPU time"
                    raise PeerLate(text) from None
                if used_s >= stalled_s:
                    text = f"no progress within {self._limits.stall_s:.3g} s of CPU time"
                    raise PeerLate(text) from None
                if was_idle and idle and used_s == before_s:
                    raise PeerLate("it stopped working without an answer") from None

    def _answer(self, length: int) -> bytes:
        if length > len(self._arena):
            raise PeerMalformed(f"an answer of {length} bytes")
        return self._arena[:length]

    def _check_fetch(self, start: int, length: int, position: int) -> None:
        if start + length > self._size_bytes or position + length > len(self._arena):
            raise PeerMalformed(
                f"a fetch of {length} bytes at {start} of {self._size_bytes}, to position {position} of the arena"
            )
        self._allowance_bytes -= length
        if self._allowance_bytes < 0:
            raise PeerMalformed("it reads the same bytes again and again")

    def _fetch(self, start: int, length: int) -> bytes | memoryview:
        data = self._read(start, length)
        if len(data) != length:
            raise ReadFailed(f"asked for {length} bytes at {start}, got {len(data)}")
        return data
