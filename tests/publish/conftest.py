"""Where the outputs of these tests are."""

from pathlib import Path

import pytest
from publish.histories import Place
from publish.lake_case import set_catalog

from genre_batch.storage.local import LocalStore


@pytest.fixture
def lake_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in ("TYPE", "URI", "WAREHOUSE"):
        monkeypatch.setenv(f"PYICEBERG_CATALOG__LOCAL__{name}", "")
    output = str(tmp_path / "it's a=b" / "table")
    Path(output).parent.mkdir()
    set_catalog(output)
    return LocalStore(), output
