"""One call to a sandboxed child, seen from the parent, which trusts nothing that the child says."""

import mmap
import socket
import time
from collections.abc import Callable

from genre_batch.decode.sandbox_wire import Frame, Kind, PeerLate, PeerMalformed, receive, send, unpack_pair
from genre_batch.storage.store import ReadFailed

MOST_ANSWER_BYTES = 64 << 20
SIZE_BYTES = 8

_SPARE_BYTES = 64 << 20

ReadRange = Callable[[int, int], bytes]


class Conversation:
    """Hands over a request and serves the child's fetches until it answers.

    Fetched bytes are put into `arena`, memory that the child shares, of which nothing is ever read here.
    The deadline runs from the start; time spent in `read` does not count. Raises PeerGone, PeerLate or PeerMalformed,
    ReadFailed for a short answer of `read`, and whatever `read` raises.
    """

    def __init__(
        self, link: socket.socket, arena: mmap.mmap, read: ReadRange, size_bytes: int, deadline_s: float
    ) -> None:
        self._link = link
        self._arena = arena
        self._read = read
        self._size_bytes = size_bytes
        self._end = time.monotonic() + deadline_s
        self._allowance_bytes = 4 * size_bytes + _SPARE_BYTES

    def ask(self, request: bytes) -> None:
        """Send the request."""
        payload = self._size_bytes.to_bytes(SIZE_BYTES, "little") + request
        send(self._link, Kind.CALL, payload, time_left_s=self._time_left_s)

    def answer(self) -> Frame:
        """Serve fetches until the last frame of the call, and return that one."""
        while True:
            frame = receive(self._link, most_bytes=MOST_ANSWER_BYTES, time_left_s=self._time_left_s)
            if frame.kind is not Kind.FETCH:
                return frame
            data = self._fetch(*unpack_pair(frame.payload))
            self._arena[: len(data)] = data
            send(self._link, Kind.DATA, time_left_s=self._time_left_s)

    def _fetch(self, start: int, length: int) -> bytes:
        self._allowance_bytes -= length
        if length > len(self._arena) or start + length > self._size_bytes or self._allowance_bytes < 0:
            raise PeerMalformed(
                f"it asked for {length} bytes at {start} of {self._size_bytes}, or for all over and over"
            )
        began = time.monotonic()
        data = self._read(start, length)
        self._end += time.monotonic() - began
        if len(data) != length:
            raise ReadFailed(f"asked for {length} bytes at {start}, got {len(data)}")
        return data

    def _time_left_s(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise PeerLate
        return left
