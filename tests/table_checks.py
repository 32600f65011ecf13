"""Checks of the invariants of a finished run, on its output folder."""

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

Row = dict[str, object]


def rows(output: Path, table: str) -> list[Row]:
    """All rows of `scores` or `rejects`, in file order."""
    return [row for file in sorted((output / table).rglob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def comparable(output: Path, table: str) -> list[Row]:
    """The rows without run ids and times, which are all that differs between two runs over the same tracks."""
    varying = {"run_id", "event_timestamp", "created_timestamp"}
    bare = [{key: value for key, value in row.items() if key not in varying} for row in rows(output, table)]
    return sorted(bare, key=lambda row: str(row["track_id"]))


def check_run(output: Path, run_id: str, etags: dict[str, str]) -> None:
    """Check that each listed track has one row with its listed etag, that the manifest describes the run's files, and
    that probabilities sum to 1.
    """
    mine = [row for table in ("scores", "rejects") for row in rows(output, table) if row["run_id"] == run_id]
    assert sorted(str(row["track_id"]) for row in mine) == sorted(etags)
    assert all(row["etag"] == etags[str(row["track_id"])] for row in mine)
    manifest = json.loads((output / "_runs" / run_id / "manifest.json").read_text())
    named = {entry["path"] for entry in manifest["files"]}
    found = {str(p.relative_to(output)) for p in output.rglob(f"{run_id}-*.parquet")}
    assert named == found
    for entry in manifest["files"]:
        assert hashlib.sha256((output / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]
    for row in rows(output, "scores"):
        top_k = row["top_k"]
        assert isinstance(top_k, list)
        assert sum(entry["probability"] for entry in top_k) == pytest.approx(1.0, abs=1e-4)
        assert row["abstained"] == (row["genre"] is None)
