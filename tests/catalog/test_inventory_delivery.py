"""Of the deliveries of an S3 Inventory, the newest complete one is read."""

import hashlib

import pytest
from s3_server import S3Server

from genre_batch.catalog.inventory_delivery import newest_manifest
from genre_batch.errors import UsageError


def deliver(moto_s3: S3Server, bucket: str, name: str, *, manifest: bool = True, checksum: str | None = None) -> None:
    body, folder = f'{{"of": "{name}"}}'.encode(), f"lists/daily/{name}"
    if manifest:
        moto_s3.client.put_object(Bucket=bucket, Key=f"{folder}/manifest.json", Body=body)
    digest = hashlib.md5(body).hexdigest() if checksum is None else checksum
    if digest:
        moto_s3.client.put_object(Bucket=bucket, Key=f"{folder}/manifest.checksum", Body=digest.encode())


def newest(bucket: str) -> str:
    uri, data = newest_manifest(f"s3://{bucket}/lists/daily/*/manifest.json")
    delivery = uri.split("/")[-2]
    assert data == f'{{"of": "{delivery}"}}'.encode()
    return delivery


def test_the_newest_complete_delivery_is_taken(moto_s3: S3Server) -> None:
    bucket = moto_s3.new_bucket()
    for name in ("2026-11-27T01-00Z", "2026-11-29T01-00Z", "2026-11-28T01-00Z", "data", "hive", "zz-9999"):
        deliver(moto_s3, bucket, name)
    assert newest(bucket) == "2026-11-29T01-00Z"
    deliver(moto_s3, bucket, "2026-11-30T01-00Z", checksum="")
    deliver(moto_s3, bucket, "2026-12-01T01-00Z", checksum="0" * 32)
    deliver(moto_s3, bucket, "2026-12-02T01-00Z", manifest=False)
    assert newest(bucket) == "2026-11-29T01-00Z"


def test_one_delivery_is_read_as_it_is_named(moto_s3: S3Server) -> None:
    bucket = moto_s3.new_bucket()
    deliver(moto_s3, bucket, "2026-11-27T01-00Z", checksum="")
    uri = f"s3://{bucket}/lists/daily/2026-11-27T01-00Z/manifest.json"
    assert newest_manifest(uri)[0] == uri


def test_a_folder_without_a_complete_delivery_is_an_error_that_says_what_to_give(moto_s3: S3Server) -> None:
    bucket = moto_s3.new_bucket()
    deliver(moto_s3, bucket, "2026-11-27T01-00Z", checksum="")
    for source in (f"s3://{bucket}/lists/daily/*/manifest.json", f"s3://{bucket}/elsewhere/*/manifest.json"):
        with pytest.raises(UsageError, match="there is no complete S3 Inventory below") as caught:
            newest_manifest(source)
        assert "one folder for each delivery" in caught.value.hint
