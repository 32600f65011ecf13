"""Where the outputs of these tests are."""

from pathlib import Path

import pytest
from publish.histories import Place
from publish.lake_case import set_catalog
from s3_server import S3Server

from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import open_store

_ON_S3 = [pytest.mark.slow, pytest.mark.timeout(60)]


@pytest.fixture
def lake_place(tmp_path: Path, _own_catalog: None) -> Place:
    output = str(tmp_path / "it's a=b" / "table")
    Path(output).parent.mkdir()
    set_catalog(output)
    return LocalStore(), output


@pytest.fixture(
    params=["local", pytest.param("s3", marks=_ON_S3), pytest.param("radosgw", marks=[*_ON_S3, pytest.mark.radosgw])]
)
def any_lake_place(request: pytest.FixtureRequest, tmp_path: Path, _own_catalog: None) -> Place:
    if request.param == "local":
        place: Place = request.getfixturevalue("lake_place")
        return place
    server: S3Server = request.getfixturevalue("radosgw" if request.param == "radosgw" else "moto_s3")
    output = f"s3://{server.new_bucket()}/it's a=b/table"
    set_catalog(output, tmp_path)
    return open_store(output), output


@pytest.fixture
def _own_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TYPE", "URI", "WAREHOUSE", "S3__ENDPOINT", "S3__REGION"):
        monkeypatch.setenv(f"PYICEBERG_CATALOG__LOCAL__{name}", "")
