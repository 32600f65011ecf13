"""Where tests write that need a table: a folder, and a bucket of an S3 server."""

from pathlib import Path

import pytest
from s3_server import S3Server

from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import Store


@pytest.fixture(params=["local", "s3"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Store, str]:
    """A store and an empty output in it."""
    if request.param == "local":
        return LocalStore(), str(tmp_path / "table")
    if request.param == "radosgw":
        server: S3Server = request.getfixturevalue("radosgw")
        output = f"s3://{server.new_bucket()}/table"
        return open_store(output), output
    output = f"s3://{request.getfixturevalue('bucket')}/table"
    return open_store(output), output
