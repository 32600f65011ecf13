"""The snippets of docs/readers.md, run over an output of two models, two schema versions, rejects and publications."""

import re
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from outputs import write_run
from publish.histories import run as publish

from genre_batch import table
from genre_batch.catalog.reject import RejectReason
from genre_batch.publish.pointer import steps
from genre_batch.publish.serving import serving_day
from genre_batch.storage.local import LocalStore
from genre_batch.storage.whole_file import LOCK

PAGE = Path(__file__).parents[1] / "docs" / "readers.md"
SNIPPETS = {
    heading.strip(): code
    for heading, code in re.findall(
        r"^##+ ([^\n]+)\n(?:(?!^##).)*?^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
}
SPARK = pytest.param("Spark", marks=[pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(170)])


@pytest.fixture(autouse=True)
def _output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`my-output` in the working folder, with two publications; an earlier version left locks in it."""
    monkeypatch.chdir(tmp_path)
    output = str(tmp_path / "my-output")
    place = LocalStore(), output
    first = {("a", "v1"): "blues", ("b", "v1"): "rock", ("d", "v1"): RejectReason.SILENT}
    write_run(*place, 0, first, model_id="texture-1", schema_version=1)
    publish(place)
    second = {("a", "v2"): "jazz", ("c", "v1"): "jazz"}
    write_run(*place, 1, second, model_id="texture-1", embedding=np.array([0.5, -1.0], "<f2").tobytes())
    publish(place)
    second_model = {("a", "v2"): "pop", ("b", "v1"): RejectReason.CORRUPT}
    write_run(*place, 2, second_model, model_id="cnn-2", fingerprint="2" * 64)
    assert not list(tmp_path.rglob(LOCK))
    for file in [*tmp_path.rglob("*.parquet")]:
        file.with_name(LOCK).touch()


def run(snippet: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    # Spark keeps the working folder in which it was started
    code = SNIPPETS[snippet].replace("my-output", str(Path("my-output").absolute()))
    # a DuckDB query sees the variables of the snippet only if they are global
    exec(compile(code, PAGE.name, "exec"), names)
    return names


def rows(found: Any, *columns: str) -> set[tuple[object, ...]]:
    """These columns as text, whatever kind of table a reader returned; missing values are None."""
    if isinstance(found, pl.DataFrame):
        found = found.to_arrow()
    elif isinstance(found, duckdb.DuckDBPyRelation):
        found = found.to_arrow_table()
    if isinstance(found, pa.Table):
        listed = [tuple(row[name] for name in columns) for row in found.select(columns).to_pylist()]
    elif isinstance(found, pd.DataFrame):
        listed = list(found[list(columns)].itertuples(index=False, name=None))
    else:
        listed = [tuple(row) for row in found.select(*columns).collect()]
    found_rows = [tuple(map(_text, row)) for row in listed]
    assert len(set(found_rows)) == len(found_rows)
    return set(found_rows)


def _text(value: Any) -> str | None:
    if isinstance(value, list | np.ndarray):
        return " ".join(map(str, map(float, value)))
    return None if pd.isna(value) else str(value).removesuffix(".0")


@pytest.mark.parametrize("reader", ["pandas", "pyarrow", "DuckDB", "Polars", SPARK])
def test_a_reader_gets_every_row_with_nested_columns_and_partitions(
    reader: str, request: pytest.FixtureRequest
) -> None:
    if reader == "Spark":
        request.getfixturevalue("spark_session")
    names = run(reader)
    assert rows(names["scores"], "track_id", "etag", "model", "dt", "first", "sample_rate") == {
        ("a", "v1", "texture-1", "2026-11-21", "blues", None),
        ("b", "v1", "texture-1", "2026-11-21", "rock", None),
        ("a", "v2", "texture-1", "2026-11-22", "jazz", "44100"),
        ("c", "v1", "texture-1", "2026-11-22", "jazz", "44100"),
    }
    assert rows(names["rejects"], "track_id", "reason", "model", "dt") == {("d", "silent", "texture-1", "2026-11-21")}
    second, first = (serving_day(step) for step in steps(LocalStore(), "my-output"))
    assert rows(names["serving"], "track_id", "genre", "etag", "model_id", "dt", "embedding") == {
        ("a", "blues", "v1", "texture-1", first, None),
        ("b", "rock", "v1", "texture-1", first, None),
        ("a", "jazz", "v2", "texture-1", second, "0.5 -1.0"),
        ("c", "jazz", "v1", "texture-1", second, "0.5 -1.0"),
    }


def test_a_reader_gets_the_current_answers() -> None:
    names = run("Current answers in Python")
    current = {("a", "jazz"), ("b", "rock"), ("c", "jazz")}
    for reader in ("by_pandas", "by_duckdb", "by_polars"):
        assert rows(names[reader], "track_id", "genre") == current


def test_every_snippet_is_run() -> None:
    assert set(SNIPPETS) == {"Current answers in Python", "pandas", "pyarrow", "DuckDB", "Polars", "Spark"}
    assert PAGE.read_text().count("```python") == len(SNIPPETS)


def test_readers_of_the_output_itself_do_what_the_page_warns_of() -> None:
    scores, rejects, serving = 5, 2, 4
    every_table = scores + rejects + serving
    assert duckdb.sql("SELECT count(*) FROM 'my-output/**/*.parquet'").fetchall() == [(every_table,)]
    assert len(duckdb.sql("SELECT track_id FROM 'my-output/**/*.parquet'").fetchall()) == every_table
    for column, message in (("genre", "not found"), ("stage", "schema mismatch")):
        with pytest.raises(duckdb.Error, match=message):
            duckdb.sql(f"SELECT {column} FROM 'my-output/**/*.parquet'").fetchall()
    assert len(pd.read_parquet("my-output")) == every_table
    assert ds.dataset("my-output").count_rows() == every_table
    assert "stage" in ds.dataset("my-output").schema.names
    for pattern in ("my-output", "my-output/**/*.parquet"):
        with pytest.raises(pl.exceptions.PolarsError):
            pl.scan_parquet(pattern).collect()
    assert len(table.latest("my-output", "texture-1")) == 3


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.timeout(170)
def test_spark_refuses_the_output_itself(spark_session: Any) -> None:
    with pytest.raises(Exception, match="CONFLICTING_DIRECTORY_STRUCTURES"):
        spark_session.read.parquet(str(Path("my-output").absolute())).count()
