"""The messages between the sandbox and its processes. Nothing is ever unpickled.

A frame is one message: its kind (one byte), the CPU time of the sender so far (8 bytes, little endian), the payload.
Requests, fetched bytes and answers can be large, so they pass through the arena, memory that both sides share; frames
say where in it they are.
"""

import select
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

FORK, KILL = b"F", b"K"
"""The parent's commands to the fork server: fork (with a socket for the child), or kill the child."""

ARENA_BYTES = 64 << 20
"""Size of the shared memory, and so of the largest answer. Only the pages that are touched take up memory."""

MAX_PAYLOAD_BYTES = 8 << 10
"""Longer payloads are cut when sent, and refused when received."""

_HEADER = struct.Struct("<BQ")
_NUMBER_BYTES = 8


class FrameKind(IntEnum):
    """The meaning of a frame."""

    CALL = 1
    DATA = 2
    FETCH = 3
    ANSWER = 4
    REJECT = 5
    ERROR = 6
    OUT_OF_MEMORY = 7
    READY = 8
    ENDED = 9


_KINDS = frozenset(FrameKind)


class PeerError(Exception):
    """The process at the other end cannot be used any more."""


class PeerGone(PeerError):
    """It closed the connection, most likely by dying."""


class PeerLate(PeerError):
    """It did not answer in time."""


class PeerMalformed(PeerError):
    """It broke the protocol."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One received frame; `cpu_ns` is the CPU time that its sender has used so far."""

    kind: FrameKind
    payload: bytes
    cpu_ns: int


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """The two ends of a connection that preserves message boundaries."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(link: socket.socket, kind: FrameKind, payload: bytes = b"", *, cpu_ns: int = 0) -> None:
    """Send one frame without waiting: a sound peer never leaves more than one frame unread. Raises PeerGone."""
    try:
        link.send(_HEADER.pack(kind, cpu_ns) + payload[:MAX_PAYLOAD_BYTES], socket.MSG_DONTWAIT)
    except OSError as error:
        raise PeerGone from error


def receive(link: socket.socket, *, within_s: float | None = None) -> Frame:
    """The next frame; waits forever if `within_s` is None. Raises PeerGone, PeerLate or PeerMalformed."""
    try:
        if within_s is not None and not _readable(link, within_s):
            raise PeerLate
        message = link.recv(_HEADER.size + MAX_PAYLOAD_BYTES + 1)
    except OSError as error:
        raise PeerGone from error
    if not message:
        raise PeerGone
    if not _HEADER.size <= len(message) <= _HEADER.size + MAX_PAYLOAD_BYTES:
        raise PeerMalformed(f"a frame of {len(message)} bytes")
    kind, cpu_ns = _HEADER.unpack_from(message)
    if kind not in _KINDS:
        raise PeerMalformed(f"a frame of kind {kind}")
    return Frame(FrameKind(kind), message[_HEADER.size :], cpu_ns)


def pack_numbers(*numbers: int) -> bytes:
    """Unsigned 64-bit numbers as 8 bytes each."""
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def unpack_numbers(payload: bytes, count: int) -> tuple[int, ...]:
    """The inverse of `pack_numbers`. Raises PeerMalformed unless the payload holds `count` numbers."""
    if len(payload) != count * _NUMBER_BYTES:
        raise PeerMalformed(f"{len(payload)} bytes instead of {count} numbers")
    return struct.unpack(f"<{count}Q", payload)


def _readable(link: socket.socket, within_s: float) -> bool:
    poll = select.poll()
    poll.register(link, select.POLLIN)
    return bool(poll.poll(1000.0 * within_s))
