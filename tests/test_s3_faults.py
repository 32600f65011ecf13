"""The S3 store against a server that makes requests fail."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fault_rules import Fault, Rule
from faulty_proxy import FaultyProxy
from s3_server import S3Server

from genre_batch.catalog.reject import TrackRejected
from genre_batch.catalog.source import list_tracks
from genre_batch.config import ScoreConfig, load
from genre_batch.decode.window import Window
from genre_batch.errors import UsageError
from genre_batch.run.doctor import doctor
from genre_batch.stages.object_reader import ObjectReader
from genre_batch.storage import s3_client
from genre_batch.storage.open_store import open_store
from genre_batch.storage.s3 import S3Store
from genre_batch.storage.store import AccessDenied, NoCredentials, ObjectChanged, ReadFailed, Store

DATA = bytes(range(256)) * 64

store = S3Store()


@pytest.fixture
def proxy(moto_s3: S3Server, bucket: str, monkeypatch):
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    with FaultyProxy(moto_s3.endpoint).running() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        # botocore would really sleep between its retries
        monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
        monkeypatch.setattr("genre_batch.storage.pace.sleep", lambda seconds: None)
        yield proxy


@pytest.mark.parametrize("fault", [Fault.SHORT_BODY, Fault.LOST_ANSWER, Fault.SLOW_DOWN])
def test_a_broken_read_is_retried_from_its_start(proxy: FaultyProxy, bucket: str, fault: Fault) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    etag = store.head(uri).etag
    proxy.faults = [fault] * 2
    assert store.read(uri, etag=etag) == DATA
    assert proxy.requests == 3


def test_a_short_range_with_a_matching_content_length_is_retried(proxy: FaultyProxy, bucket: str) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    proxy.faults = [Fault.SHORT_LENGTH]
    assert store.read(uri, start=10, length=100) == DATA[10:110]
    assert proxy.requests == 2


def test_a_body_that_is_always_short_is_a_failed_read(proxy: FaultyProxy, bucket: str) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    proxy.faults = [Fault.SHORT_BODY] * 100
    with pytest.raises(ReadFailed, match="kept breaking off"):
        store.read(uri)
    assert proxy.requests == 5


def test_a_read_survives_many_slow_down_responses(proxy: FaultyProxy, bucket: str) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    proxy.faults = [Fault.SLOW_DOWN] * 14
    assert store.read(uri) == DATA
    assert proxy.requests == 15


def test_a_range_is_read_from_a_server_that_ignores_ranges(proxy: FaultyProxy, bucket: str) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    proxy.faults = [Fault.NO_RANGES]
    assert store.read(uri, start=10, length=20) == DATA[10:30]


def test_another_version_is_noticed_on_a_server_that_ignores_conditions(proxy: FaultyProxy, bucket: str) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    proxy.faults = [Fault.NO_CONDITIONS]
    with pytest.raises(ObjectChanged):
        store.read(uri, etag="0" * 32)


@pytest.mark.parametrize("faults", [[Fault.LOST_ANSWER], [Fault.CONFLICT], [Fault.SLOW_DOWN] * 6])
def test_the_winner_of_a_conditional_write_knows_that_it_won(
    proxy: FaultyProxy, bucket: str, faults: list[Fault]
) -> None:
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
def short_timeout(monkeypatch) -> None:
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_S", 1.0)


@pytest.mark.parametrize("fault", [Fault.STALLED_BODY, Fault.TRICKLING_BODY, Fault.NO_ANSWER])
def test_a_request_is_retried_when_the_server_stalls_or_trickles(
    short_timeout: None, proxy: FaultyProxy, bucket: str, fault: Fault
) -> None:
    uri = f"s3://{bucket}/a"
    store.write(uri, DATA)
    proxy.faults = [fault]
    assert store.read(uri) == DATA
    assert proxy.requests >= 2


@pytest.mark.parametrize(("fault", "most"), [(Fault.STALLED_BODY, 3), (Fault.TRICKLING_BODY, 3), (Fault.NO_ANSWER, 5)])
def test_a_server_that_keeps_stalling_or_trickling_is_soon_a_failed_read(
    short_timeout: None, proxy: FaultyProxy, bucket: str, fault: Fault, most: int
) -> None:
    store.write(f"s3://{bucket}/a", DATA)
    proxy.follow(Rule(fault))
    with pytest.raises(ReadFailed, match="kept breaking off"):
        store.read(f"s3://{bucket}/a")
    assert 1 <= proxy.requests <= most


@pytest.mark.parametrize(("fault", "kind"), [(Fault.DENIED, AccessDenied), (Fault.EXPIRED, NoCredentials)])
def test_denied_access_is_raised_without_a_retry(
    proxy: FaultyProxy, bucket: str, fault: Fault, kind: type[AccessDenied]
) -> None:
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


@pytest.mark.parametrize(("fault", "remedy"), [(Fault.EXPIRED, "aws sso login"), (Fault.SKEWED, "set the clock")])
def test_a_refused_head_is_explained_although_it_has_no_body(
    proxy: FaultyProxy, bucket: str, fault: Fault, remedy: str
) -> None:
    store.write(f"s3://{bucket}/a", DATA)
    proxy.follow(*(Rule(fault, method) for method in ("GET", "HEAD")))
    with pytest.raises(NoCredentials) as caught:
        store.head(f"s3://{bucket}/a")
    assert remedy in caught.value.hint
    proxy.follow(*(Rule(Fault.DENIED, method) for method in ("GET", "HEAD")))
    with pytest.raises(AccessDenied, match="access denied"):
        store.head(f"s3://{bucket}/a")


def test_a_requester_pays_bucket_is_read_by_a_store_that_pays(proxy: FaultyProxy, bucket: str) -> None:
    uri = f"s3://{bucket}/music/a"
    store.write(uri, DATA)
    proxy.follow(*(Rule(Fault.REQUESTER_PAYS, method) for method in ("GET", "HEAD")))
    operations: list[Callable[[Store], object]] = [
        lambda store: store.head(uri),
        lambda store: store.read(uri, length=10),
        lambda store: store.read(uri, start=len(DATA)),
        lambda store: list(store.list(f"s3://{bucket}/music")),
        lambda store: store.folders(f"s3://{bucket}"),
    ]
    for operation in operations:
        with pytest.raises(AccessDenied):
            operation(open_store(uri))
        assert operation(open_store(uri, "requester")) is not None


def test_a_catalog_in_a_requester_pays_bucket_is_listed_and_read(proxy: FaultyProxy, bucket: str) -> None:
    store.write(f"s3://{bucket}/music/a.wav", DATA)
    store.write(f"s3://{bucket}/list.csv", b"uri\nmusic/a.wav\n")
    proxy.follow(*(Rule(Fault.REQUESTER_PAYS, method) for method in ("GET", "HEAD")))
    for source in (f"s3://{bucket}/music", f"s3://{bucket}/list.csv"):
        with pytest.raises(UsageError, match="access denied") as raised:
            list(list_tracks(source))
        assert "request_payer=requester" in raised.value.hint
        (track,) = list_tracks(source, request_payer="requester")
        ((_, read),) = ObjectReader(Window(), request_payer="requester").ranges([track])
        assert read(0, len(DATA)) == DATA
        ((_, refused),) = ObjectReader(Window()).ranges([track])
        with pytest.raises(TrackRejected, match="access denied"):
            refused(0, 10)


@pytest.mark.parametrize("payer", ["requester", "null"])
def test_doctor_tries_a_requester_pays_bucket_as_a_run_reads_it(
    payer: str, proxy: FaultyProxy, bucket: str, tmp_path: Path
) -> None:
    store.write(f"s3://{bucket}/music/a.wav", DATA)
    store.write(f"s3://{bucket}/list.csv", b"uri\nmusic/a.wav\n")
    proxy.follow(*(Rule(Fault.REQUESTER_PAYS, method) for method in ("GET", "HEAD")))
    for source in (f"s3://{bucket}/music", f"s3://{bucket}/list.csv"):
        config = load(ScoreConfig, None, (f"request_payer={payer}",), {"source": source, "output": f"{tmp_path}/out"})
        found = {check.name: check.passed for check in doctor(config, with_cluster=lambda _: "").checks}
        assert found["source"] is (payer == "requester")


def test_a_version_overwritten_between_two_ranges_is_reported_as_changed(proxy: FaultyProxy, bucket: str) -> None:
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
    counted = []
    for threads in (1, 8):
        proxy.follow(Rule(Fault.SLOW_DOWN, rate=0.3), Rule(Fault.SHORT_BODY, rate=0.2), seed=3)
        with ThreadPoolExecutor(threads) as executor:
            assert list(executor.map(store.read, uris)) == [uri.encode() for uri in uris]
        counted.append(Counter((seen.key, seen.fault) for seen in proxy.seen))
    assert counted[0] == counted[1]
    assert {fault for _, fault in counted[0]} == {Fault.NONE, Fault.SLOW_DOWN, Fault.SHORT_BODY}
