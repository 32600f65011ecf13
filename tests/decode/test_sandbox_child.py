"""The child's loop, run in this process over a pair of sockets."""

import mmap
import socket
from typing import BinaryIO

import pytest

from genre_batch.catalog.reject import RejectReason, Stage, TrackRejected
from genre_batch.decode.sandbox_child import Handler, serve_calls
from genre_batch.decode.sandbox_wire import ARENA_BYTES, Frame, Kind, PeerGone, receive, send, unpack_pair


def answer(handler: Handler, size_bytes: int = 0, arena: mmap.mmap | None = None, fetches: int = 0) -> list[Frame]:
    """The frames that a child sends for one call."""
    parent, child = socket.socketpair()
    with parent, child:
        send(parent, Kind.CALL, size_bytes.to_bytes(8, "little") + b"request")
        for _ in range(fetches):
            send(parent, Kind.DATA)
        parent.shutdown(socket.SHUT_WR)
        with pytest.raises(PeerGone):
            serve_calls(child, arena or mmap.mmap(-1, ARENA_BYTES), handler)
        return [receive(parent, most_bytes=10_000) for _ in range(fetches + 1)]


def test_an_answer_with_the_time_it_took() -> None:
    (frame,) = answer(lambda request, source, size: request[::-1])
    assert (frame.kind, frame.payload) == (Kind.ANSWER, b"tseuqer")
    assert frame.cpu_ns > 0


def test_the_source_is_fetched_from_the_parent() -> None:
    arena = mmap.mmap(-1, ARENA_BYTES)
    arena[:100] = bytes(range(100))

    def handler(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
        source.seek(98)
        return source.read()

    fetch, last = answer(handler, 100, arena, fetches=1)
    assert (fetch.kind, unpack_pair(fetch.payload)) == (Kind.FETCH, (0, 100))
    assert last.payload == bytes([98, 99])


def raising(error: Exception) -> Handler:
    def handler(request: bytes, source: BinaryIO, size_bytes: int) -> bytes:
        raise error

    return handler


@pytest.mark.parametrize(
    ("error", "kind", "payload"),
    [
        (TrackRejected(RejectReason.SILENT, Stage.FEATURES, "hush"), Kind.REJECT, b"silent\nfeatures\nhush"),
        (MemoryError(), Kind.OUT_OF_MEMORY, b""),
        (ValueError("x" * 9000), Kind.ERROR, b"ValueError: " + b"x" * 1988),
        (ValueError("\udcff"), Kind.ERROR, b"ValueError: ?"),
    ],
)
def test_errors_become_frames(error: Exception, kind: Kind, payload: bytes) -> None:
    (frame,) = answer(raising(error))
    assert (frame.kind, frame.payload) == (kind, payload)
