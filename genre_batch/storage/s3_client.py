"""The S3 client of this process."""

import os
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

READ_TIMEOUT_S = 20
"""How long a server may say nothing, before an answer or in the middle of one."""

_LOCK = Lock()
_CLIENTS: dict[tuple[object, ...], "S3Client"] = {}


def s3_client() -> "S3Client":
    """The client of this process, made at first use; its methods may be called from all threads.

    Credentials, region and endpoint come from the AWS default chain. A change of the `AWS_...` environment, or a fork,
    makes a new client.
    """
    key = (os.getpid(), *sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
    with _LOCK:
        if key not in _CLIENTS:
            _CLIENTS.clear()
            _CLIENTS[key] = _make_client()
        return _CLIENTS[key]


def _make_client() -> "S3Client":
    import boto3
    from botocore.config import Config

    from genre_batch.storage.s3_page import parse_pages_lean

    config = Config(
        max_pool_connections=64,
        connect_timeout=10,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": 5},
        # not every server knows the newer checksums; our writes send Content-MD5 instead, which is as old as S3
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = boto3.session.Session().client("s3", config=config)
    parse_pages_lean(client.meta.events)
    return client
