"""Requests to a prefix slow down when the server refuses them, and recover."""

import pytest
from fault_rules import Fault
from faulty_proxy import FaultyProxy
from s3_server import S3Server

from genre_batch.storage import pace as pace_module
from genre_batch.storage.pace import Pace, Paces
from genre_batch.storage.s3 import S3Store


def sent_at(pace: Pace, count: int, now_s: float) -> list[float]:
    """When `count` requests are sent that all want to be sent at `now_s`."""
    return [now_s + pace.wait_s(now_s) for _ in range(count)]


def test_without_a_refusal_nothing_waits() -> None:
    pace = Pace(0.0)
    assert sent_at(pace, 1_000, 0.5) == [0.5] * 1_000
    pace.served(3.0)
    assert pace.per_s is None


def test_a_refusal_halves_the_rate_once_a_second() -> None:
    pace = Pace(0.0)
    sent_at(pace, 100, 0.5)
    for _ in range(20):
        pace.refused(0.9)
    assert pace.per_s == 50.0
    times_s = sent_at(pace, 51, 1.0)
    assert times_s[-1] - times_s[0] == pytest.approx(1.0)
    pace.refused(2.0)
    assert pace.per_s == 25.0
    for second in range(3, 30):
        pace.refused(float(second))
    assert pace.per_s == 4.0


def test_it_recovers_until_the_limit_ends() -> None:
    pace = Pace(0.0)
    sent_at(pace, 100, 0.5)
    pace.refused(1.0)
    rates = []
    for second in range(2, 60):
        for _ in range(10):
            pace.served(float(second))
        rates.append(pace.per_s)
    assert rates[0] == pytest.approx(55.0)
    limited = [rate for rate in rates if rate is not None]
    assert limited == sorted(limited)
    assert limited[-1] <= 200.0
    assert rates[-1] is None


def test_what_was_sent_long_ago_says_nothing_about_the_rate() -> None:
    pace = Pace(0.0)
    sent_at(pace, 100, 0.5)
    sent_at(pace, 8, 50.0)
    pace.refused(50.1)
    assert pace.per_s == 4.0


def test_each_prefix_has_a_pace_of_its_own() -> None:
    paces = Paces()
    first = paces.of("http://host:9/bucket/a/b/c/1.mp3?versionId=3")
    assert paces.of("http://host:9/bucket/a/b/d/e/2.mp3") is first
    assert paces.of("http://host:9/bucket/a/x/2.mp3") is not first
    assert paces.of("http://host:9/other/a/b/c/1.mp3") is not first
    for number in range(1_000):
        paces.of(f"http://host:9/bucket/{number}/a")
    assert len(paces._of_prefix) <= 256


def test_a_server_that_says_slow_down_gets_fewer_requests(
    moto_s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits_s: list[float] = []
    monkeypatch.setattr(pace_module, "sleep", waits_s.append)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    with FaultyProxy(moto_s3.endpoint).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        store = S3Store()
        store.write(f"s3://{bucket}/a/x", b"one")
        store.write(f"s3://{bucket}/b/x", b"two")
        assert store.read(f"s3://{bucket}/a/x") == b"one"
        assert waits_s == []
        proxy.faults = [Fault.SLOW_DOWN] * 2
        assert [store.read(f"s3://{bucket}/a/x") for _ in range(3)] == [b"one"] * 3
        assert len(waits_s) >= 2
        del waits_s[:]
        assert store.read(f"s3://{bucket}/b/x") == b"two"
        assert waits_s == []
