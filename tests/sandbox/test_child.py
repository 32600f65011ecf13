"""The child's loop, run in this process over a pair of sockets."""

import io
import mmap
import socket
from typing import BinaryIO

import pytest

from genre_batch.catalog.reject import RejectReason, RejectStage, TrackRejected
from genre_batch.sandbox.child import Handler, serve_calls
from genre_batch.sandbox.wire import (
    ARENA_BYTES,
    Frame,
    FrameKind,
    PeerGone,
    pack_numbers,
    receive,
    send,
    socket_pair,
    unpack_numbers,
)
from genre_batch.storage.ranged_file import RangedFile


def talk(handler: Handler, arena: mmap.mmap, size_bytes: int = 0, fetches: int = 0) -> list[Frame]:
    """The frames that a child sends for one call."""
    parent, child = socket_pair()
    with parent, child:
        arena[:7] = b"request"
        send(parent, FrameKind.CALL, pack_numbers(size_bytes, 7))
        for _ in range(fetches):
            send(parent, FrameKind.DATA)
        parent.shutdown(socket.SHUT_WR)
        with pytest.raises(PeerGone):
            serve_calls(child, arena, handler)
        return [receive(parent) for _ in range(fetches + 1)]


def test_an_answer_comes_with_the_cpu_time_used() -> None:
    arena = mmap.mmap(-1, ARENA_BYTES)
    (frame,) = talk(lambda request, source, size: request[::-1], arena)
    assert (frame.kind, frame.payload) == (FrameKind.ANSWER, pack_numbers(7))
    assert arena[:7] == b"tseuqer"
    assert frame.cpu_ns > 0


def test_the_source_is_fetched_from_the_parent() -> None:
    arena = mmap.mmap(-1, ARENA_BYTES)
    arena[:100] = bytes(range(100))

    def handler(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
        source.seek(98)
        return source.read()

    fetch, last = talk(handler, arena, 100, fetches=1)
    assert (fetch.kind, unpack_numbers(fetch.payload, 3)) == (FrameKind.FETCH, (0, 100, 0))
    assert last.payload == pack_numbers(2)
    assert arena[:2] == bytes([98, 99])


def test_fetched_bytes_fill_the_arena_in_order_and_start_over() -> None:
    size_bytes = 2 * ARENA_BYTES

    def handler(request: bytes, source: BinaryIO, size: int) -> bytes:
        while source.read(1 << 20):
            pass
        return b""

    counted = RangedFile(lambda start, length: bytes(length), size_bytes)
    handler(b"", io.BufferedReader(counted), size_bytes)
    *fetches, _ = talk(handler, mmap.mmap(-1, ARENA_BYTES), size_bytes, fetches=counted.fetches)
    _, lengths, positions = zip(*(unpack_numbers(fetch.payload, 3) for fetch in fetches), strict=True)
    assert sum(lengths) == size_bytes
    assert all(position + length <= ARENA_BYTES for position, length in zip(positions, lengths, strict=True))
    for before, length, after in zip(positions, lengths, positions[1:], strict=False):
        assert after in (before + length, 0)
    assert positions.count(0) >= 2


def raising(error: Exception) -> Handler:
    def handler(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
        raise error

    return handler


@pytest.mark.parametrize(
    ("error", "kind", "payload"),
    [
        (TrackRejected(RejectReason.SILENT, RejectStage.FEATURES, "hush"), FrameKind.REJECT, b"silent\nfeatures\nhush"),
        (MemoryError(), FrameKind.OUT_OF_MEMORY, b""),
        (ValueError("x" * 9000), FrameKind.ERROR, b"ValueError: " + b"x" * 1988),
        (ValueError("\udcff"), FrameKind.ERROR, b"ValueError: ?"),
    ],
)
def test_errors_become_frames(error: Exception, kind: FrameKind, payload: bytes) -> None:
    (frame,) = talk(raising(error), mmap.mmap(-1, ARENA_BYTES))
    assert (frame.kind, frame.payload) == (kind, payload)
