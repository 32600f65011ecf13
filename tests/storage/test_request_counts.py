"""Requests to S3 are counted by operation and status, retries included."""

import pytest
from s3_server import S3Server

from genre_batch.storage.request_counts import NO_ANSWER, _count, requests_so_far
from genre_batch.storage.s3 import S3Store
from genre_batch.storage.store import ObjectGone


def test_every_answer_is_counted(moto_s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in moto_s3.env().items():
        monkeypatch.setenv(name, value)
    uri, store, before = f"s3://{moto_s3.new_bucket()}/key", S3Store(), requests_so_far()
    store.write(uri, b"abc")
    assert store.read(uri, start=0, length=2) == b"ab"
    with pytest.raises(ObjectGone):
        store.read(f"{uri}-2")
    assert list(store.list(uri.removesuffix("key")))
    counts = requests_so_far() - before
    assert counts["PutObject", "200"] == counts["GetObject", "206"] == counts["ListObjectsV2", "200"] == 1
    assert counts["GetObject", "404"] >= 1


def test_a_request_without_an_answer_is_counted() -> None:
    before = requests_so_far()
    _count(event_name="response-received.s3.GetObject", response_dict=None, exception=TimeoutError())
    assert requests_so_far() - before == {("GetObject", NO_ANSWER): 1}
