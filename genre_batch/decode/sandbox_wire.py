"""Frames between the sandbox and its processes: a fixed header, then raw bytes. Nothing is ever unpickled.

A frame is a kind (one byte), the length of its payload and the CPU time of the sender so far (8 bytes each,
little endian), then the payload.
"""

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

FORK, KILL = b"F", b"K"
"""What the parent tells the fork server: fork (with a socket for the child), or end the child."""

ARENA_BYTES = 1 << 20
"""Size of the memory through which the parent hands fetched bytes to the child."""

_HEADER = struct.Struct("<BQQ")
_PAIR = struct.Struct("<QQ")


class Kind(IntEnum):
    """What a frame says."""

    CALL = 1
    DATA = 2
    FETCH = 3
    ANSWER = 4
    REJECT = 5
    ERROR = 6
    OUT_OF_MEMORY = 7
    READY = 8
    ENDED = 9


class PeerError(Exception):
    """The process at the other end is no longer of use."""


class PeerGone(PeerError):
    """It closed the connection, most likely by dying."""


class PeerLate(PeerError):
    """It did not answer in time."""


class PeerMalformed(PeerError):
    """It sent what no sound peer sends."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One received frame; `cpu_ns` is the CPU time that its sender has used."""

    kind: Kind
    payload: bytearray
    cpu_ns: int


def no_deadline() -> float | None:
    """Wait for ever."""
    return None


def send(
    link: socket.socket,
    kind: Kind,
    payload: bytes = b"",
    *,
    cpu_ns: int = 0,
    time_left_s: Callable[[], float | None] = no_deadline,
) -> None:
    """Send one frame. Raises PeerGone or PeerLate."""
    header = _HEADER.pack(kind, len(payload), cpu_ns)
    try:
        link.settimeout(time_left_s())
        if len(payload) < 4096:
            link.sendall(header + payload)
        else:
            link.sendall(header)
            link.sendall(payload)
    except TimeoutError as error:
        raise PeerLate from error
    except OSError as error:
        raise PeerGone from error


def receive(link: socket.socket, *, most_bytes: int, time_left_s: Callable[[], float | None] = no_deadline) -> Frame:
    """The next frame, whose payload has at most `most_bytes`: a longer one is refused before memory is taken for it.

    Raises PeerGone, PeerLate or PeerMalformed.
    """
    kind, length, cpu_ns = _HEADER.unpack(_receive_exactly(link, _HEADER.size, time_left_s))
    if kind not in Kind.__members__.values() or length > most_bytes:
        raise PeerMalformed(f"a frame of kind {kind} with {length} bytes")
    return Frame(Kind(kind), _receive_exactly(link, length, time_left_s), cpu_ns)


def pack_pair(first: int, second: int) -> bytes:
    """Two unsigned 64-bit numbers as 16 bytes."""
    return _PAIR.pack(first, second)


def unpack_pair(payload: bytearray) -> tuple[int, int]:
    """The inverse of `pack_pair`. Raises PeerMalformed for any other length than 16 bytes."""
    if len(payload) != _PAIR.size:
        raise PeerMalformed(f"{len(payload)} bytes where two numbers belong")
    first, second = _PAIR.unpack(payload)
    return first, second


def _receive_exactly(link: socket.socket, length: int, time_left_s: Callable[[], float | None]) -> bytearray:
    data = bytearray(length)
    rest = memoryview(data)
    try:
        while rest:
            link.settimeout(time_left_s())
            received = link.recv_into(rest)
            if received == 0:
                raise PeerGone
            rest = rest[received:]
    except TimeoutError as error:
        raise PeerLate from error
    except OSError as error:
        raise PeerGone from error
    return data
