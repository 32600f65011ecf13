"""The page about feature stores from top to bottom: its commands in a shell, its Python in Feast's environment.

The output is on a local disk, or on S3 with the secret of the page. One of its labels is older than a year.
"""

import io
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feature_store.feast_process import FEAST, ROOT, require_feast
from outputs import write_run
from publish.histories import Place, run
from s3_server import S3Server

from genre_batch.storage.open_store import open_store
from genre_batch.storage.uri import is_s3

pytestmark = [pytest.mark.feast, pytest.mark.timeout(300)]

PAGE = (ROOT / "docs" / "feature-store.md").read_text()
FEAST_PART, S3_PART = PAGE.split("## Feast on S3\n")
OLD, NEW = "s3://music/a.mp3", "s3://music/new.mp3"
LONG_AGO = datetime(2024, 5, 1, tzinfo=UTC)


def python_of(part: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", part, re.MULTILINE | re.DOTALL)


def commands_of(part: str) -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@dataclass(frozen=True)
class Workplace:
    """A folder with the names of the page: `configs/feast` and `feast-env`. environment: that of its programs."""

    folder: Path
    output: str
    environment: dict[str, str]

    def shell(self, *commands: str) -> str:
        script = "\n".join(["set -euo pipefail", *commands])
        return self._run(["bash", "-c", script])

    def python(self, *snippets: str) -> list[str]:
        """What the snippets print, in lines."""
        return self._run([str(FEAST / "python"), "-c", "\n".join(snippets)]).splitlines()

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout


@pytest.fixture(params=["local", "s3"])
def workplace(request: pytest.FixtureRequest, tmp_path: Path) -> Workplace:
    require_feast()
    shutil.copytree(ROOT / "configs" / "feast", tmp_path / "configs" / "feast")
    (tmp_path / "feast-env").symlink_to(FEAST.parent)
    (tmp_path / "home").mkdir()
    output = str(tmp_path / "genres")
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("moto_s3")
        output = f"s3://{server.new_bucket()}/genres"
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    changes = {"PATH": programs, "HOME": str(tmp_path / "home"), "GENRE_BATCH_OUTPUT": output, "FEAST_USAGE": "False"}
    return Workplace(tmp_path, output, os.environ | changes)


def publish_long_ago(place: Place) -> None:
    """One publication, and then let its rows be from long ago."""
    write_run(*place, 0, {(OLD, "v1"): "rock"})
    run(place)
    store, output = place
    [uri] = [each.uri for each in store.list(f"{output}/serving/") if each.uri.endswith(".parquet")]
    rows = pq.read_table(io.BytesIO(store.read(uri)))
    field = rows.schema.field("event_timestamp")
    times = pa.array([LONG_AGO] * rows.num_rows, field.type)
    buffer = io.BytesIO()
    pq.write_table(rows.set_column(rows.schema.get_field_index(field.name), field, times), buffer)
    store.write(uri, buffer.getvalue())


def test_the_page_works_from_top_to_bottom(workplace: Workplace) -> None:
    place = open_store(workplace.output), workplace.output
    publish_long_ago(place)
    if is_s3(workplace.output):
        endpoint = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
        secret = {"storage.example.com:9000": endpoint, "USE_SSL true": "USE_SSL false"}
        install, keep = python_of(S3_PART)
        for name, value in secret.items():
            assert name in keep
            keep = keep.replace(name, value)
        workplace.python(install, keep)
    environment, output, *work = commands_of(FEAST_PART)
    assert environment.startswith("python -m venv feast-env")  # made by `make test-feast`
    assert output.startswith("export GENRE_BATCH_OUTPUT=")  # the fixture has its own
    apply, _, fill, publish, increment = work
    # Feast's start a year ago is why the page begins with `materialize`
    assert "will be set to 1 year before" in workplace.shell(apply, increment)
    [history, online] = python_of(FEAST_PART)
    at_once = history.replace("2026-11-21T08:00:00Z", f"{datetime.now(UTC):%FT%TZ}")
    ask = "print(labels['genre'].tolist()); print(now['genre'])"
    assert workplace.python(at_once, online, ask) == ["['rock']", "[None]"]
    workplace.shell(fill)
    assert workplace.python(at_once, online, ask) == ["['rock']", "['rock']"]
    write_run(*place, 1, {(NEW, "v1"): "jazz"})
    workplace.shell(publish, increment)
    assert workplace.python(history, online.replace(OLD, NEW), "print(now['genre'])") == ["['jazz']"]
