"""Bodies of servers that send fast, slowly, too slowly, or break off; through sockets in tests/test_s3_faults.py."""

import io

import pytest
from botocore.exceptions import ReadTimeoutError, ResponseStreamingError
from botocore.response import StreamingBody
from urllib3 import HTTPResponse

from genre_batch.storage import s3_body, s3_client
from genre_batch.storage.s3_body import read_body


class Trickle(io.RawIOBase):
    """Gives a few bytes at a time while a clock goes on."""

    def __init__(self, clock: "Clock", pieces: int, size_bytes: int, every_s: float) -> None:
        self._clock, self._pieces, self._bytes, self._every_s = clock, pieces, size_bytes, every_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if self._pieces == 0:
            return 0
        self._pieces -= 1
        self._clock.now_s += self._every_s
        buffer[: self._bytes] = bytes(self._bytes)
        return self._bytes


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(s3_body, "time", clock)
    return clock


def body_of(source: io.RawIOBase, length: int) -> StreamingBody:
    answer = HTTPResponse(io.BufferedReader(source), {"Content-Length": str(length)}, preload_content=False)
    return StreamingBody(answer, length)  # type: ignore[arg-type]


@pytest.mark.parametrize("size_bytes", [0, 1, 5_000_000])
def test_a_body_comes_whole(size_bytes: int) -> None:
    data = bytes(range(250)) * (size_bytes // 250) or bytes(size_bytes)
    body = body_of(io.BytesIO(data), len(data))  # type: ignore[arg-type]
    assert read_body(body) == data
    assert body._raw_stream.closed


@pytest.mark.parametrize("every_s", [1.0, 19.0])
def test_a_byte_now_and_then_is_silence(clock: Clock, every_s: float) -> None:
    body = body_of(Trickle(clock, 1000, 1, every_s), 1000)
    with pytest.raises(ReadTimeoutError):
        read_body(body)
    assert clock.now_s - 100.0 < 2 * s3_client.READ_TIMEOUT_S
    assert body._raw_stream.closed


def test_what_was_fast_does_not_excuse_what_trickles(clock: Clock) -> None:
    fast, slow = Trickle(clock, 100, 8192, 0.0), Trickle(clock, 1000, 1, 1.0)
    fast.readinto = lambda buffer: Trickle.readinto(fast if fast._pieces else slow, buffer)  # type: ignore[method-assign]
    with pytest.raises(ReadTimeoutError):
        read_body(body_of(fast, 100 * 8192 + 1000))
    assert clock.now_s - 100.0 < 3 * s3_client.READ_TIMEOUT_S


def test_a_slow_link_may_take_as_long_as_it_needs(clock: Clock) -> None:
    assert read_body(body_of(Trickle(clock, 600, 5000, 1.0), 3_000_000)) == bytes(3_000_000)
    assert clock.now_s == 700.0


def test_a_body_that_breaks_off_is_told(clock: Clock) -> None:
    with pytest.raises(ResponseStreamingError):
        read_body(body_of(Trickle(clock, 3, 100, 0.0), 1000))
