"""Frames over a socket."""

import socket
import struct
from collections.abc import Iterator

import pytest

from genre_batch.sandbox.wire import (
    MAX_PAYLOAD_BYTES,
    FrameKind,
    PeerGone,
    PeerLate,
    PeerMalformed,
    pack_numbers,
    receive,
    send,
    socket_pair,
    unpack_numbers,
)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket_pair()
    with one, other:
        yield one, other


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(256)) * (MAX_PAYLOAD_BYTES // 256)])
def test_a_frame_arrives_unchanged(ends: tuple[socket.socket, socket.socket], payload: bytes) -> None:
    send(ends[0], FrameKind.ANSWER, payload, cpu_ns=1 << 40)
    frame = receive(ends[1])
    assert (frame.kind, frame.payload, frame.cpu_ns) == (FrameKind.ANSWER, payload, 1 << 40)


def test_frames_keep_their_boundaries(ends: tuple[socket.socket, socket.socket]) -> None:
    for number in range(3):
        send(ends[0], FrameKind.DATA, bytes(number))
    assert [len(receive(ends[1]).payload) for _ in range(3)] == [0, 1, 2]


def test_a_long_payload_is_cut_when_sent(ends: tuple[socket.socket, socket.socket]) -> None:
    send(ends[0], FrameKind.ERROR, b"x" * 100_000)
    assert receive(ends[1]).payload == b"x" * MAX_PAYLOAD_BYTES


@pytest.mark.parametrize(
    "message",
    [
        b"\x04",
        struct.pack("<BQ", 200, 0),
        struct.pack("<BQ", 0, 0),
        struct.pack("<BQ", FrameKind.ANSWER, 0) + bytes(MAX_PAYLOAD_BYTES + 1),
        struct.pack("<BQ", FrameKind.ANSWER, 0) + bytes(150_000),
    ],
    ids=range(5),
)
def test_malformed_frames_are_refused(ends: tuple[socket.socket, socket.socket], message: bytes) -> None:
    ends[0].send(message)
    with pytest.raises(PeerMalformed):
        receive(ends[1])


def test_a_closed_end_is_noticed(ends: tuple[socket.socket, socket.socket]) -> None:
    ends[0].close()
    with pytest.raises(PeerGone):
        receive(ends[1])
    with pytest.raises(PeerGone):
        send(ends[1], FrameKind.CALL)


def test_waiting_times_out(ends: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(PeerLate):
        receive(ends[1], within_s=0.01)


def test_a_peer_that_reads_nothing_does_not_block_the_sender(ends: tuple[socket.socket, socket.socket]) -> None:
    def flood() -> None:
        for _ in range(100_000):
            send(ends[0], FrameKind.DATA)

    with pytest.raises(PeerGone):
        flood()


def test_numbers_are_unpacked_as_they_were_packed() -> None:
    assert unpack_numbers(pack_numbers(3, (1 << 64) - 1), 2) == (3, (1 << 64) - 1)
    for count in (1, 3):
        with pytest.raises(PeerMalformed):
            unpack_numbers(bytes(16), count)
