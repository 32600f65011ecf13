"""Where the outputs of these tests are."""

from pathlib import Path

import pytest
from publish.histories import Place
from publish.lake_case import set_catalog
from s3_server import S3Server

from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import open_store


@pytest.fixture(params=["local", "s3", pytest.param("radosgw", marks=pytest.mark.radosgw)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        return LocalStore(), str(tmp_path / "table")
    if request.param == "radosgw":
        server: S3Server = request.getfixturevalue("radosgw")
        return open_store("s3://x"), f"s3://{server.new_bucket()}/table"
    return open_store("s3://x"), f"s3://{request.getfixturevalue('bucket')}/table"


@pytest.fixture
def lake_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in ("TYPE", "URI", "WAREHOUSE"):
        monkeypatch.setenv(f"PYICEBERG_CATALOG__LOCAL__{name}", "")
    output = str(tmp_path / "it's a=b" / "table")
    Path(output).parent.mkdir()
    set_catalog(output)
    return LocalStore(), output
