"""The fork server, driven by its parent's end."""

import os
import signal
import socket
from collections.abc import Iterator

import psutil
import pytest

from genre_batch.sandbox.fork_server import ForkServer
from genre_batch.sandbox.wire import FrameKind, PeerError, pack_numbers, receive, send, unpack_numbers


@pytest.fixture
def server() -> Iterator[ForkServer]:
    running = ForkServer("sandbox_handlers:misbehave", 64 << 20)
    yield running
    running.close()


def child_of(server: ForkServer, link: socket.socket) -> int:
    send(link, FrameKind.CALL, bytes(16))
    (length,) = unpack_numbers(receive(link).payload, 1)
    return int(server.arena[:length])


def test_forks_and_ends_children(server: ForkServer) -> None:
    for _ in range(3):
        link, pid = server.fork()
        child = child_of(server, link)
        assert pid == child
        status, cpu_s = server.kill()
        assert os.WTERMSIG(status) == signal.SIGKILL
        assert 0 <= cpu_s < 1
        assert not psutil.pid_exists(child)
        link.close()


def test_reports_how_a_child_died(server: ForkServer) -> None:
    link, _ = server.fork()
    server.arena[:4] = b"exit"
    send(link, FrameKind.CALL, pack_numbers(0, 4))
    assert link.recv(1) == b""
    assert os.WEXITSTATUS(server.kill()[0]) == 3
    link.close()


def test_a_missing_server_is_noticed(server: ForkServer) -> None:
    link, child = server.fork()
    with link:
        psutil.Process(child).parent().kill()
        assert link.recv(1) == b""
    with pytest.raises(PeerError):
        server.kill()
    with pytest.raises(PeerError):
        server.fork()


def test_leaves_no_descriptor_open() -> None:
    before = psutil.Process().num_fds()
    for _ in range(3):
        running = ForkServer("sandbox_handlers:misbehave", 64 << 20)
        running.fork()[0].close()
        running.kill()
        running.close()
    assert psutil.Process().num_fds() == before
