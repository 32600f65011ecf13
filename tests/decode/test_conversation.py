"""The parent's side of a call."""

import mmap
import socket
from collections.abc import Iterator

import pytest

from genre_batch.decode.conversation import Conversation
from genre_batch.decode.sandbox_wire import ARENA_BYTES, Kind, PeerLate, PeerMalformed, pack_pair, receive, send
from genre_batch.storage.store import ReadFailed

DATA = bytes(range(256)) * 16


@pytest.fixture
def child() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child_ends[theirs] = ours
        yield theirs
        del child_ends[theirs]


child_ends: dict[socket.socket, socket.socket] = {}


def conversation(child: socket.socket, arena: mmap.mmap, deadline_s: float = 5.0) -> Conversation:
    return Conversation(
        child_ends[child], arena, lambda start, length: DATA[start : start + length], len(DATA), deadline_s
    )


def test_serves_fetches_through_the_arena_until_the_answer(child: socket.socket) -> None:
    arena = mmap.mmap(-1, ARENA_BYTES)
    talk = conversation(child, arena)
    talk.ask(b"request")
    assert receive(child, most_bytes=100).payload == len(DATA).to_bytes(8, "little") + b"request"
    send(child, Kind.FETCH, pack_pair(100, 300))
    send(child, Kind.ANSWER, b"done")
    assert talk.answer().payload == b"done"
    assert receive(child, most_bytes=0).kind is Kind.DATA
    assert arena[:300] == DATA[100:400]


@pytest.mark.parametrize(
    "asked", [(0, len(DATA) + 1), (len(DATA), 1), (1 << 63, 1), (0, (1 << 64) - 1), ((1 << 64) - 1, (1 << 64) - 1)]
)
def test_refuses_ranges_outside_the_object(child: socket.socket, asked: tuple[int, int]) -> None:
    send(child, Kind.FETCH, pack_pair(*asked))
    with pytest.raises(PeerMalformed):
        conversation(child, mmap.mmap(-1, ARENA_BYTES)).answer()


def test_refuses_ranges_larger_than_the_arena(child: socket.socket) -> None:
    send(child, Kind.FETCH, pack_pair(0, len(DATA)))
    with pytest.raises(PeerMalformed):
        conversation(child, mmap.mmap(-1, mmap.PAGESIZE // 2)).answer()


def test_refuses_reading_all_over_and_over(child: socket.socket) -> None:
    arena = mmap.mmap(-1, ARENA_BYTES)
    talk = Conversation(child_ends[child], arena, lambda start, length: bytes(length), ARENA_BYTES, 60.0)
    for _ in range(69):
        send(child, Kind.FETCH, pack_pair(0, ARENA_BYTES))
    with pytest.raises(PeerMalformed, match="over and over"):
        talk.answer()


def test_a_short_read_is_not_handed_on(child: socket.socket) -> None:
    talk = Conversation(child_ends[child], mmap.mmap(-1, ARENA_BYTES), lambda start, length: b"", 10, 5.0)
    send(child, Kind.FETCH, pack_pair(0, 10))
    with pytest.raises(ReadFailed):
        talk.answer()


def test_silence_ends_at_the_deadline(child: socket.socket) -> None:
    with pytest.raises(PeerLate):
        conversation(child, mmap.mmap(-1, ARENA_BYTES), deadline_s=0.05).answer()
