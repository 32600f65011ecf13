"""Calls to a child, which is this process; and the clocks of real processes."""

import mmap
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from genre_batch.sandbox import call as calls
from genre_batch.sandbox.call import Call, ChildClock, ReadRange, TimeLimits
from genre_batch.sandbox.wire import (
    ARENA_BYTES,
    Frame,
    FrameKind,
    PeerGone,
    PeerLate,
    PeerMalformed,
    pack_numbers,
    receive,
    send,
    socket_pair,
)
from genre_batch.storage.store import ReadFailed

WORK = "while True: pass"
SLEEP = "import sys; print(flush=True); sys.stdin.read()"


def test_a_busy_process_uses_cpu_time_and_is_not_idle() -> None:
    with subprocess.Popen([sys.executable, "-c", WORK]) as process:
        clock = ChildClock(process.pid)
        before_s, end = clock.cpu_s(), time.monotonic() + 300
        while clock.cpu_s() < before_s + 0.2 and time.monotonic() < end:
            pass
        assert clock.cpu_s() >= before_s + 0.2
        assert not clock.is_idle()
        process.kill()


def test_a_waiting_process_is_idle_and_a_missing_one_is_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEP], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        clock = ChildClock(process.pid)
        process.stdout.readline()
        end = time.monotonic() + 300
        while not clock.is_idle() and time.monotonic() < end:
            pass
        assert all(clock.is_idle() for _ in range(100))
    for ask in (clock.cpu_s, clock.is_idle):
        with pytest.raises(PeerGone):
            ask()


DATA = bytes(range(256)) * 16
LIMITS = TimeLimits(deadline_s=5.0, stall_s=5.0)


@pytest.fixture
def child() -> Iterator[socket.socket]:
    ours, theirs = socket_pair()
    with ours, theirs:
        child_ends[theirs] = ours
        yield theirs
        del child_ends[theirs]


child_ends: dict[socket.socket, socket.socket] = {}


def call(
    child: socket.socket,
    arena: mmap.mmap,
    read: ReadRange = lambda start, length: DATA[start : start + length],
    size_bytes: int = len(DATA),
    limits: TimeLimits = LIMITS,
) -> Call:
    """A call whose child is this process."""
    return Call(child_ends[child], ChildClock(os.getpid()), arena, read, size_bytes, limits)


def test_serves_fetches_through_the_arena_until_the_answer(child: socket.socket) -> None:
    arena = mmap.mmap(-1, ARENA_BYTES)
    one = call(child, arena)
    one.send_request(b"request")
    assert receive(child).payload == pack_numbers(len(DATA), 7)
    assert arena[:7] == b"request"
    send(child, FrameKind.FETCH, pack_numbers(100, 300, 50))
    arena[:4] = b"done"
    send(child, FrameKind.ANSWER, pack_numbers(4))
    answer = one.wait_for_answer().payload
    arena[:4] = b"evil"
    assert answer == b"done"
    assert receive(child).kind is FrameKind.DATA
    assert arena[50:350] == DATA[100:400]


@pytest.mark.parametrize(
    "asked", [(0, len(DATA) + 1), (len(DATA), 1), (1 << 63, 1), (0, (1 << 64) - 1), ((1 << 64) - 1, (1 << 64) - 1)]
)
def test_refuses_ranges_outside_the_object(child: socket.socket, asked: tuple[int, int]) -> None:
    send(child, FrameKind.FETCH, pack_numbers(*asked, 0))
    with pytest.raises(PeerMalformed):
        call(child, mmap.mmap(-1, ARENA_BYTES)).wait_for_answer()


@pytest.mark.parametrize("position", [ARENA_BYTES - len(DATA) + 1, ARENA_BYTES, (1 << 64) - 1])
def test_refuses_positions_outside_the_arena(child: socket.socket, position: int) -> None:
    send(child, FrameKind.FETCH, pack_numbers(0, len(DATA), position))
    with pytest.raises(PeerMalformed):
        call(child, mmap.mmap(-1, ARENA_BYTES)).wait_for_answer()


@pytest.mark.parametrize("length", [ARENA_BYTES + 1, (1 << 64) - 1])
def test_refuses_answers_larger_than_the_arena(child: socket.socket, length: int) -> None:
    send(child, FrameKind.ANSWER, pack_numbers(length))
    with pytest.raises(PeerMalformed, match="answer"):
        call(child, mmap.mmap(-1, ARENA_BYTES)).wait_for_answer()


def test_refuses_requests_larger_than_the_arena(child: socket.socket) -> None:
    with pytest.raises(ValueError, match="request"):
        call(child, mmap.mmap(-1, mmap.PAGESIZE)).send_request(bytes(mmap.PAGESIZE + 1))


def test_refuses_to_read_everything_over_and_over(child: socket.socket) -> None:
    arena = mmap.mmap(-1, ARENA_BYTES)
    whole = bytes(ARENA_BYTES)
    one = call(child, arena, lambda start, length: whole, ARENA_BYTES, TimeLimits(60.0, 60.0))
    for _ in range(6):
        send(child, FrameKind.FETCH, pack_numbers(0, ARENA_BYTES, 0))
    with pytest.raises(PeerMalformed, match="again and again"):
        one.wait_for_answer()


def test_a_short_read_fails(child: socket.socket) -> None:
    one = call(child, mmap.mmap(-1, ARENA_BYTES), lambda start, length: b"")
    send(child, FrameKind.FETCH, pack_numbers(0, 10, 0))
    with pytest.raises(ReadFailed):
        one.wait_for_answer()


@pytest.fixture
def busy() -> Iterator[None]:
    """Another thread of this process, which is the child, works."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            sum(range(10_000))

    worker = threading.Thread(target=work)
    worker.start()
    yield
    done.set()
    worker.join()


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (TimeLimits(0.05, 60.0), r"no answer within 0.05 s of CPU time"),
        (TimeLimits(60.0, 0.05), r"no progress within 0.05 s of CPU time"),
        (TimeLimits(0.5, 0.01).on_slower(5.0), r"no progress within 0.05 s of CPU time"),
    ],
)
def test_a_busy_child_is_stopped_by_the_cpu_time_it_uses(
    child: socket.socket, busy: None, limits: TimeLimits, words: str
) -> None:
    with pytest.raises(PeerLate, match=words):
        call(child, mmap.mmap(-1, ARENA_BYTES), limits=limits).wait_for_answer()


def test_a_child_that_does_not_run_uses_up_no_limit(child: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for a processor much longer than it may work, and then answers."""
    waits: list[float] = []

    def late(link: socket.socket, within_s: float) -> Frame:
        waits.append(within_s)
        if len(waits) < 1_000:
            raise PeerLate
        return Frame(FrameKind.ANSWER, pack_numbers(0), 0)

    one = call(child, mmap.mmap(-1, ARENA_BYTES), limits=TimeLimits(60.0, 60.0))
    monkeypatch.setattr(calls, "receive", late)
    assert one.wait_for_answer().payload == b""
    assert sum(waits) > 60.0
