"""The S3 store against a server that breaks its requests."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from fault_rules import Fault, Rule
from faulty_proxy import FaultyProxy
from s3_server import S3Server

from genre_batch.storage import s3_client
from genre_batch.storage.s3 import S3Store
from genre_batch.storage.store import AccessDenied, NoCredentials, ObjectChanged, ReadFailed

DATA = bytes(range(256)) * 64

store = S3Store()


@pytest.fixture
def proxy(moto_s3: S3Server, bucket: str, monkeypatch):
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    with FaultyProxy(moto_s3.endpoint).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        # botocore's own pauses are real: no waiting here
        monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
        yield proxy


@pytest.mark.parametrize("fault", [Fault.SHORT_BODY, Fault.LOST_ANSWER, Fault.SLOW_DOWN])
def test_a_broken_read_is_tried_again_as_a_whole(proxy: FaultyProxy, bucket: str, fault: Fault) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    etag = store.head(uri).etag
    proxy.faults = [fault] * 2
    assert store.read(uri, etag=etag) == DATA
    assert proxy.requests == 3


def test_a_range_that_comes_short_with_a_fitting_length_is_tried_again(proxy: FaultyProxy, bucket: str) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    proxy.faults = [Fault.SHORT_LENGTH]
    assert store.read(uri, start=10, length=100) == DATA[10:110]
    assert proxy.requests == 2


def test_a_body_that_always_comes_short_is_a_failed_read(proxy: FaultyProxy, bucket: str) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    proxy.faults = [Fault.SHORT_BODY] * 100
    with pytest.raises(ReadFailed, match="kept breaking off"):
        store.read(uri)
    assert proxy.requests == 5


def test_many_busy_answers_are_survived(proxy: FaultyProxy, bucket: str) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    proxy.faults = [Fault.SLOW_DOWN] * 14
    assert store.read(uri) == DATA
    assert proxy.requests == 15


def test_a_server_without_ranges_still_gives_the_slice(proxy: FaultyProxy, bucket: str) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    proxy.faults = [Fault.NO_RANGES]
    assert store.read(uri, start=10, length=20) == DATA[10:30]


def test_a_server_without_conditions_does_not_pass_off_another_version(proxy: FaultyProxy, bucket: str) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    proxy.faults = [Fault.NO_CONDITIONS]
    with pytest.raises(ObjectChanged):
        store.read(uri, etag="0" * 32)


@pytest.mark.parametrize("faults", [[Fault.LOST_ANSWER], [Fault.CONFLICT], [Fault.SLOW_DOWN] * 6])
def test_who_wins_a_conditional_write_knows_it(proxy: FaultyProxy, bucket: str, faults: list[Fault]) -> None:
    uri = f"s3://{bucket}/a"
    proxy.method = "PUT"
    proxy.faults = list(faults)
    assert store.create(uri, b"1")
    assert not store.create(uri, b"1")
    etag = store.head(uri).etag
    proxy.faults = list(faults)
    assert store.replace(uri, b"2", etag)
    assert not store.replace(uri, b"3", etag)
    assert store.read(uri) == b"2"


@pytest.fixture
def impatient(monkeypatch) -> None:
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_S", 0.3)


@pytest.mark.parametrize("fault", [Fault.STALLED_BODY, Fault.TRICKLING_BODY, Fault.NO_ANSWER])
def test_a_server_that_falls_silent_or_nearly_so_is_asked_again(
    impatient: None, proxy: FaultyProxy, bucket: str, fault: Fault
) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    proxy.faults = [fault]
    assert store.read(uri) == DATA
    assert proxy.requests == 2


@pytest.mark.parametrize(
    ("fault", "requests"), [(Fault.STALLED_BODY, 3), (Fault.TRICKLING_BODY, 3), (Fault.NO_ANSWER, 5)]
)
def test_a_server_that_stays_silent_or_nearly_so_is_a_failed_read_before_long(
    impatient: None, proxy: FaultyProxy, bucket: str, fault: Fault, requests: int
) -> None:
    store.write(f"s3://{bucket}/a", DATA)
    proxy.follow(Rule(fault))
    with pytest.raises(ReadFailed, match="kept breaking off"):
        store.read(f"s3://{bucket}/a")
    assert proxy.requests == requests


@pytest.mark.parametrize(("fault", "kind"), [(Fault.DENIED, AccessDenied), (Fault.EXPIRED, NoCredentials)])
def test_who_may_not_is_told_at_once(proxy: FaultyProxy, bucket: str, fault: Fault, kind: type[AccessDenied]) -> None:
    proxy.follow(*(Rule(fault, method) for method in ("GET", "PUT")))
    for operation in (
        lambda: store.read(f"s3://{bucket}/a"),
        lambda: list(store.list(f"s3://{bucket}")),
        lambda: store.write(f"s3://{bucket}/a", DATA),
        lambda: store.create(f"s3://{bucket}/a", DATA),
    ):
        with pytest.raises(AccessDenied) as caught:
            operation()
        assert type(caught.value) is kind
    assert len(proxy.seen) == 4


def test_a_version_overwritten_between_two_ranges_is_not_mixed(proxy: FaultyProxy, bucket: str) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    etag = store.head(uri).etag
    assert store.read(uri, etag=etag, length=100) == DATA[:100]
    proxy.before[f"/{bucket}/a"] = lambda: store.write(uri, DATA[::-1])
    with pytest.raises(ObjectChanged):
        store.read(uri, etag=etag, start=100, length=100)


def test_threads_do_not_change_which_requests_break(proxy: FaultyProxy, bucket: str) -> None:
    uris = [f"s3://{bucket}/{number}" for number in range(20)]
    for uri in uris:
        store.write(uri, uri.encode())
    met = []
    for threads in (1, 8):
        proxy.follow(Rule(Fault.SLOW_DOWN, rate=0.3), Rule(Fault.SHORT_BODY, rate=0.2), seed=3)
        with ThreadPoolExecutor(threads) as executor:
            assert list(executor.map(store.read, uris)) == [uri.encode() for uri in uris]
        met.append(Counter((seen.key, seen.fault) for seen in proxy.seen))
    assert met[0] == met[1]
    assert {fault for _, fault in met[0]} == {Fault.NONE, Fault.SLOW_DOWN, Fault.SHORT_BODY}
