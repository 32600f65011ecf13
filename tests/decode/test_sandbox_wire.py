"""Frames over a socket."""

import socket
import struct
from collections.abc import Iterator

import pytest

from genre_batch.decode.sandbox_wire import (
    Kind,
    PeerGone,
    PeerLate,
    PeerMalformed,
    pack_pair,
    receive,
    send,
    unpack_pair,
)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(256)) * 300])
def test_a_frame_comes_back_as_it_was(ends: tuple[socket.socket, socket.socket], payload: bytes) -> None:
    send(ends[0], Kind.ANSWER, payload, cpu_ns=1 << 40)
    frame = receive(ends[1], most_bytes=100_000)
    assert (frame.kind, frame.payload, frame.cpu_ns) == (Kind.ANSWER, payload, 1 << 40)


def test_a_long_payload_is_refused_before_memory_is_taken(ends: tuple[socket.socket, socket.socket]) -> None:
    ends[0].sendall(struct.pack("<BQQ", Kind.ANSWER, 1 << 62, 0))
    with pytest.raises(PeerMalformed):
        receive(ends[1], most_bytes=1000)


def test_an_unknown_kind_is_refused(ends: tuple[socket.socket, socket.socket]) -> None:
    ends[0].sendall(struct.pack("<BQQ", 200, 0, 0))
    with pytest.raises(PeerMalformed):
        receive(ends[1], most_bytes=1000)


@pytest.mark.parametrize("sent", [b"", b"\x04", struct.pack("<BQQ", Kind.ANSWER, 10, 0) + b"12345"])
def test_a_closed_end_is_noticed(ends: tuple[socket.socket, socket.socket], sent: bytes) -> None:
    ends[0].sendall(sent)
    ends[0].close()
    with pytest.raises(PeerGone):
        receive(ends[1], most_bytes=1000)


def test_sending_to_a_closed_end_is_noticed(ends: tuple[socket.socket, socket.socket]) -> None:
    ends[0].close()
    with pytest.raises(PeerGone):
        send(ends[1], Kind.CALL, bytes(1_000_000))


def test_waiting_ends(ends: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(PeerLate):
        receive(ends[1], most_bytes=1000, time_left_s=lambda: 0.01)
    with pytest.raises(PeerLate):
        send(ends[1], Kind.CALL, bytes(10_000_000), time_left_s=lambda: 0.01)


def test_two_numbers() -> None:
    assert unpack_pair(bytearray(pack_pair(3, (1 << 64) - 1))) == (3, (1 << 64) - 1)
    with pytest.raises(PeerMalformed):
        unpack_pair(bytearray(15))
