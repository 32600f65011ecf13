"""Whether a folder can be written, without a trace."""

import json
import os
from pathlib import Path

import pytest
from s3_server import S3Server

from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import AccessDenied, ObjectGone, WriteFailed
from genre_batch.storage.writable import check_writable


def check(folder: str) -> None:
    check_writable(folder, "_runs/_check")


@pytest.mark.parametrize("name", ["", "new", "new/deep"])
def test_a_local_folder_need_not_exist_and_is_not_made(tmp_path: Path, name: str) -> None:
    check(str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WriteFailed, match="file' is not a folder"):
        check(str(tmp_path / "file" / "out"))


def test_a_folder_without_write_permission_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # root may write everywhere, so the kernel's answer is made up
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(AccessDenied, match="permission denied"):
        check(str(tmp_path / "out"))


def test_a_bucket_is_checked_and_left_as_it_is(moto_s3: S3Server, bucket: str) -> None:
    for folder in (f"s3://{bucket}", f"s3://{bucket}/out/"):
        check(folder)
    assert list(open_store(f"s3://{bucket}").list(f"s3://{bucket}/")) == []


def test_a_missing_bucket_is_an_error(moto_s3: S3Server) -> None:
    with pytest.raises(ObjectGone, match="bucket"):
        check("s3://no-such-bucket/out")


@pytest.mark.radosgw
def test_a_read_only_bucket_is_an_error(radosgw: S3Server) -> None:
    bucket = radosgw.new_bucket()
    check(f"s3://{bucket}/out")
    assert list(open_store(f"s3://{bucket}").list(f"s3://{bucket}/")) == []
    writes = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = {"Version": "2012-10-17", "Statement": [writes]}
    radosgw.client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    with pytest.raises(AccessDenied):
        check(f"s3://{bucket}/out")
