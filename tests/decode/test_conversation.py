"""The parent's side of a call."""

import mmap
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from genre_batch.decode.child_clock import ChildClock
from genre_batch.decode.conversation import Conversation, Patience, ReadRange
from genre_batch.decode.sandbox_wire import (
    ARENA_BYTES,
    Kind,
    PeerLate,
    PeerMalformed,
    pack_numbers,
    receive,
    send,
    socket_pair,
)
from genre_batch.storage.store import ReadFailed

DATA = bytes(range(256)) * 16
PATIENCE = Patience(deadline_s=5.0, stall_s=5.0)


@pytest.fixture
def child() -> Iterator[socket.socket]:
    ours, theirs = socket_pair()
    with ours, theirs:
        child_ends[theirs] = ours
        yield theirs
        del child_ends[theirs]


child_ends: dict[socket.socket, socket.socket] = {}


def conversation(
    child: socket.socket,
    arena: mmap.mmap,
    read: ReadRange = lambda start, length: DATA[start : start + length],
    size_bytes: int = len(DATA),
    patience: Patience = PATIENCE,
) -> Conversation:
    """One whose child is this process."""
    return Conversation(child_ends[child], ChildClock(os.getpid()), arena, read, size_bytes, patience)


def test_serves_fetches_through_the_arena_until_the_answer(child: socket.socket) -> None:
    arena = mmap.mmap(-1, ARENA_BYTES)
    talk = conversation(child, arena)
    talk.ask(b"request")
    assert receive(child).payload == pack_numbers(len(DATA), 7)
    assert arena[:7] == b"request"
    send(child, Kind.FETCH, pack_numbers(100, 300, 50))
    arena[:4] = b"done"
    send(child, Kind.ANSWER, pack_numbers(4))
    answer = talk.answer().payload
    arena[:4] = b"evil"
    assert answer == b"done"
    assert receive(child).kind is Kind.DATA
    assert arena[50:350] == DATA[100:400]


@pytest.mark.parametrize(
    "asked", [(0, len(DATA) + 1), (len(DATA), 1), (1 << 63, 1), (0, (1 << 64) - 1), ((1 << 64) - 1, (1 << 64) - 1)]
)
def test_refuses_ranges_outside_the_object(child: socket.socket, asked: tuple[int, int]) -> None:
    send(child, Kind.FETCH, pack_numbers(*asked, 0))
    with pytest.raises(PeerMalformed):
        conversation(child, mmap.mmap(-1, ARENA_BYTES)).answer()


@pytest.mark.parametrize("place", [ARENA_BYTES - len(DATA) + 1, ARENA_BYTES, (1 << 64) - 1])
def test_refuses_places_outside_the_arena(child: socket.socket, place: int) -> None:
    send(child, Kind.FETCH, pack_numbers(0, len(DATA), place))
    with pytest.raises(PeerMalformed):
        conversation(child, mmap.mmap(-1, ARENA_BYTES)).answer()


@pytest.mark.parametrize("length", [ARENA_BYTES + 1, (1 << 64) - 1])
def test_refuses_answers_larger_than_the_arena(child: socket.socket, length: int) -> None:
    send(child, Kind.ANSWER, pack_numbers(length))
    with pytest.raises(PeerMalformed, match="answer"):
        conversation(child, mmap.mmap(-1, ARENA_BYTES)).answer()


def test_refuses_requests_larger_than_the_arena(child: socket.socket) -> None:
    with pytest.raises(ValueError, match="request"):
        conversation(child, mmap.mmap(-1, mmap.PAGESIZE)).ask(bytes(mmap.PAGESIZE + 1))


def test_refuses_reading_all_over_and_over(child: socket.socket) -> None:
    arena = mmap.mmap(-1, ARENA_BYTES)
    whole = bytes(ARENA_BYTES)
    talk = conversation(child, arena, lambda start, length: whole, ARENA_BYTES, Patience(60.0, 60.0))
    for _ in range(6):
        send(child, Kind.FETCH, pack_numbers(0, ARENA_BYTES, 0))
    with pytest.raises(PeerMalformed, match="over and over"):
        talk.answer()


def test_a_short_read_is_not_handed_on(child: socket.socket) -> None:
    talk = conversation(child, mmap.mmap(-1, ARENA_BYTES), lambda start, length: b"")
    send(child, Kind.FETCH, pack_numbers(0, 10, 0))
    with pytest.raises(ReadFailed):
        talk.answer()


def test_silence_ends_at_the_deadline(child: socket.socket) -> None:
    with pytest.raises(PeerLate, match=r"no answer within 0.05 s"):
        conversation(child, mmap.mmap(-1, ARENA_BYTES), patience=Patience(0.05, 5.0)).answer()


def test_work_without_progress_ends_before_the_deadline(child: socket.socket) -> None:
    """The child is this process, whose other thread works."""
    working = threading.Event()

    def work() -> None:
        while not working.is_set():
            sum(range(10_000))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        with pytest.raises(PeerLate, match=r"no progress within 0.05 s of CPU time"):
            conversation(child, mmap.mmap(-1, ARENA_BYTES), patience=Patience(60.0, 0.05)).answer()
    finally:
        working.set()
        worker.join()
