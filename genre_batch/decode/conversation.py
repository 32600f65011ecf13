"""One call to a sandboxed child, seen from the parent, which trusts nothing that the child says."""

import mmap
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from genre_batch.decode.child_clock import ChildClock
from genre_batch.decode.sandbox_wire import (
    Frame,
    Kind,
    PeerLate,
    PeerMalformed,
    pack_numbers,
    receive,
    send,
    unpack_numbers,
)
from genre_batch.storage.store import ReadFailed

_SPARE_BYTES = 64 << 20
_DOZE_S = 0.2

ReadRange = Callable[[int, int], bytes | memoryview]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call may take.

    deadline_s: seconds in all, not counting those spent in `read`.
    stall_s: CPU seconds of the child between two frames, that is without reading on, without a fetch of no bytes, which
    says that a block was decoded, and without an answer. A child that sleeps is stalled too: there is nothing it could
    wait for.
    """

    deadline_s: float
    stall_s: float


class Conversation:
    """Hands over a request and serves the child's fetches until it answers.

    Fetched bytes are put into `arena`, memory that the child shares, where the child says. Only the answer is read from
    there, once, since the child can change it at any time.
    The patience begins at the start. Raises PeerGone, PeerLate or PeerMalformed, ReadFailed for a short answer of
    `read`, and whatever `read` raises.
    """

    def __init__(
        self,
        link: socket.socket,
        clock: ChildClock,
        arena: mmap.mmap,
        read: ReadRange,
        size_bytes: int,
        patience: Patience,
    ) -> None:
        self._link = link
        self._clock = clock
        self._arena = arena
        self._read = read
        self._size_bytes = size_bytes
        self._patience = patience
        self._end = time.monotonic() + patience.deadline_s
        self._allowance_bytes = 4 * size_bytes + _SPARE_BYTES

    def ask(self, request: bytes) -> None:
        """Send the request. Raises ValueError if it does not fit into the arena."""
        if len(request) > len(self._arena):
            raise ValueError(f"a request of {len(request)} bytes")
        self._arena[: len(request)] = request
        send(self._link, Kind.CALL, pack_numbers(self._size_bytes, len(request)))

    def answer(self) -> Frame:
        """Serve fetches until the last frame of the call, and return that one."""
        while True:
            frame = self._next_frame()
            if frame.kind is Kind.ANSWER:
                return replace(frame, payload=self._answer(*unpack_numbers(frame.payload, 1)))
            if frame.kind is not Kind.FETCH:
                return frame
            start, length, place = unpack_numbers(frame.payload, 3)
            self._require_sane(start, length, place)
            if length:
                self._arena[place : place + length] = self._fetch(start, length)
            send(self._link, Kind.DATA)

    def _next_frame(self) -> Frame:
        """The child's next frame, looking after the child whenever it has had the time to use up its CPU seconds."""
        used_s = self._clock.cpu_s()
        last_s = used_s + self._patience.stall_s
        asleep = False
        while True:
            within_s = min(self._left_s(), _DOZE_S if asleep else last_s - used_s)
            try:
                return receive(self._link, within_s=within_s)
            except PeerLate:
                before_s, used_s = used_s, self._clock.cpu_s()
                was_asleep, asleep = asleep, self._clock.sleeps()
                if used_s >= last_s:
                    text = f"no progress within {self._patience.stall_s:g} s of CPU time"
                    raise PeerLate(text) from None
                if was_asleep and asleep and used_s == before_s:
                    raise PeerLate("it has gone to sleep") from None

    def _left_s(self) -> float:
        left_s = self._end - time.monotonic()
        if left_s <= 0:
            raise PeerLate(f"no answer within {self._patience.deadline_s:g} s")
        return left_s

    def _answer(self, length: int) -> bytes:
        if length > len(self._arena):
            raise PeerMalformed(f"an answer of {length} bytes")
        return self._arena[:length]

    def _require_sane(self, start: int, length: int, place: int) -> None:
        if start + length > self._size_bytes or place + length > len(self._arena):
            raise PeerMalformed(f"it asked for {length} bytes at {start} of {self._size_bytes} to be put at {place}")
        self._allowance_bytes -= length
        if self._allowance_bytes < 0:
            raise PeerMalformed("it reads everything over and over")

    def _fetch(self, start: int, length: int) -> bytes | memoryview:
        began = time.monotonic()
        data = self._read(start, length)
        self._end += time.monotonic() - began
        if len(data) != length:
            raise ReadFailed(f"asked for {length} bytes at {start}, got {len(data)}")
        return data
