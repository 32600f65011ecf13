"""What one run over 500 odd keys, with canary credentials, leaves behind."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from security.conftest import SCORED_EVERY, OddRun, leaks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def readable(data: bytes) -> Iterator[bytes]:
    """The bytes of an object and, for a Parquet file, its metadata and rows as text: its pages are compressed."""
    yield data
    if data[:4] == b"PAR1":
        table = pq.read_table(io.BytesIO(data))
        yield repr((table.schema.metadata, table.to_pylist())).encode()


def test_every_key_has_one_row_byte_for_byte(odd_run: OddRun) -> None:
    assert odd_run.done.returncode == 0, odd_run.done.stderr
    tables = {"scores": [], "rejects": []}
    for key, data in odd_run.objects().items():
        if key.endswith(".parquet") and key.split("/")[0] in tables:
            tables[key.split("/")[0]] += pq.read_table(io.BytesIO(data)).to_pylist()
    rows = tables["scores"] + tables["rejects"]
    assert len(rows) == len(odd_run.etags) == 500
    assert {row["uri"]: row["etag"] for row in rows} == odd_run.etags
    assert all(row["track_id"] == row["uri"] for row in rows)
    assert len(tables["scores"]) == 500 / SCORED_EVERY
    assert {row["reason"] for row in tables["rejects"]} == {"empty", "unsupported"}


def test_no_key_becomes_part_of_an_object_name(odd_run: OddRun) -> None:
    names = list(odd_run.objects())
    assert len(names) > 10
    assert [name for name in names if not re.fullmatch(r"[A-Za-z0-9_.=/-]+", name) or ".." in name] == []


def test_no_file_appears_outside_rays_own_folder(odd_run: OddRun) -> None:
    files = {path for path in odd_run.root.rglob("*") if not path.is_dir()}
    own = {path for path in files if path.is_relative_to(odd_run.ray_folder)}
    assert own
    assert {str(path.relative_to(odd_run.root)) for path in files - own} <= {"home/.ray/auth_token"}
    assert not [path for path in (Path("/absolute"), odd_run.root.parent / "escaped") if path.exists()]


NOTICES = re.compile(
    r"run [0-9TZa-f-]+: [0-9,]+ tracks in [0-9]+ shards?"
    r"|loading Ray and the libraries of the model \.\.\.|(starting|stopping) Ray \.\.\.|listing \.\.\."
    r"|(listing|working): [0-9,/]+ tracks?, [0-9,./a-zA-Z ]+, [0-9,.]+ tracks/s"
    r"(, ETA [0-9:?]+ by tracks, [0-9:?]+ by bytes)?"
    r"|(working: )?starting [0-9]+ extract actors? and [0-9]+ predict actors? \.\.\."
    r"|run [0-9TZa-f-]+: [0-9,]+ tracks? in [0-9,]+ shards?"
    r"|the model runs in actors of its own: all actors are on this machine"
    r"|waiting for Ray, which has started [0-9a-zA-Z ()]+; the cluster has [0-9]+ CPUs and [0-9]+ GPUs"
)
"""All that a slow machine may say it waits for. None of it has room for a key."""


def test_nothing_is_printed_but_the_report_and_what_is_waited_for(odd_run: OddRun) -> None:
    assert [line for line in odd_run.done.stderr.splitlines() if not NOTICES.fullmatch(line)] == []
    assert all(line.isprintable() for line in odd_run.done.stdout.splitlines())
    assert "500 tracks listed" in odd_run.done.stdout


def test_tables_records_and_settings_contain_no_credentials(odd_run: OddRun) -> None:
    objects = odd_run.objects()
    kinds = {Path(key).name for key in objects if "_runs/" in key}
    assert {"config.yaml", "plan.json", "manifest.json", "report.json"} <= kinds
    assert {key: leaks(part) for key, data in objects.items() for part in readable(data) if leaks(part)} == {}


def test_the_printed_output_contains_no_credentials(odd_run: OddRun) -> None:
    assert odd_run.done.returncode == 0, odd_run.done.stderr
    assert leaks((odd_run.done.stdout + odd_run.done.stderr).encode()) == []


def test_rays_logs_contain_no_credentials(odd_run: OddRun) -> None:
    files = [path for path in odd_run.ray_folder.rglob("*") if path.is_file()]
    assert [path for path in files if path.suffix == ".log"]
    assert {str(path): leaks(path.read_bytes()) for path in files if leaks(path.read_bytes())} == {}
