"""The statements of each engine, read by a parser of its dialect."""

from pathlib import Path

import duckdb
import pytest
import sqlglot
from outputs import write_run
from s3_server import S3Server

from genre_batch.catalog.reject import RejectReason
from genre_batch.publish.gate import GateConfig
from genre_batch.publish.publishing import PublishConfig, publish
from genre_batch.publish.serving_rows import SERVING
from genre_batch.readers.sql_engine import EngineName
from genre_batch.readers.sql_views import SqlConfig, sql_views
from genre_batch.sink.schema import REJECTS, SCORES
from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import open_store


@pytest.fixture(scope="module")
def on_s3(moto_s3: S3Server) -> str:
    output = f"s3://{moto_s3.new_bucket()}/it's music"
    write_run(open_store(output), output, 0, {("a", "v1"): "jazz", ("b", "v1"): RejectReason.CORRUPT}, model_id="old-1")
    write_run(open_store(output), output, 1, {("a", "v2"): "rock"}, model_id="new.2")
    publish(PublishConfig(output=output, rules=GateConfig(max_reject_rate=1.0)))
    return output


@pytest.mark.parametrize("engine", ["duckdb", "spark", "athena", "trino"])
@pytest.mark.parametrize("prefix", ["genre_", "hive.music.genre_"])
def test_each_statement_is_of_the_dialect_and_names_every_column(on_s3: str, engine: EngineName, prefix: str) -> None:
    views = sql_views(SqlConfig(output=on_s3, engine=engine, prefix=prefix))
    assert views.models == ("new.2", "old-1")
    parsed = [sqlglot.parse_one(statement, dialect=engine) for statement in views.statements]
    created = [tree for tree in parsed if isinstance(tree, sqlglot.exp.Create)]
    names = [tree.find(sqlglot.exp.Table).name for tree in created]
    assert names == [f"genre_{name}" for name in ("scores", "rejects", "serving", "served", "answers", "unanswered")]
    others = [
        statement.split()[0] for statement, tree in zip(views.statements, parsed, strict=True) if tree not in created
    ]
    assert others == {"spark": ["MSCK"] * 3, "trino": ["CALL"] * 3}.get(engine, [])
    if engine != "duckdb":
        for tree, schema in zip(created, (SCORES, REJECTS, SERVING), strict=False):
            columns = [column.name for column in tree.this.expressions if isinstance(column, sqlglot.exp.ColumnDef)]
            assert [name for name in columns if name not in ("model", "dt")] == schema.names


def test_athena_finds_the_partitions_of_later_runs_by_itself(on_s3: str) -> None:
    scores = sql_views(SqlConfig(output=on_s3, engine="athena")).statements[0]
    assert "'projection.model.values' = 'new.2,old-1'" in scores
    assert "'projection.dt.range' = '2026-11-21,NOW'" in scores
    folder = on_s3.replace("'", "''")
    assert f"'storage.location.template' = '{folder}/scores/model=${{model}}/dt=${{dt}}'" in scores


def test_trino_is_told_to_look_for_partitions_in_the_right_schema(on_s3: str) -> None:
    for prefix, call in (
        ("genre_", "CALL system.sync_partition_metadata('default', 'genre_scores', 'FULL')"),
        ("music.genre_", "CALL system.sync_partition_metadata('music', 'genre_scores', 'FULL')"),
        ("hive.music.g_", "CALL hive.system.sync_partition_metadata('music', 'g_scores', 'FULL')"),
    ):
        assert sql_views(SqlConfig(output=on_s3, engine="trino", prefix=prefix)).statements[1] == call


def test_spark_reads_s3_by_its_own_scheme(on_s3: str) -> None:
    create = sql_views(SqlConfig(output=on_s3, engine="spark")).statements[0]
    assert "LOCATION 's3a://" in create
    assert "it\\'s music/scores'" in create


@pytest.mark.parametrize("name", ["it's", "a*b", "[x]", "a?b", "sp ace"])
def test_duckdb_reads_only_files_of_runs_in_the_folder_that_is_meant(tmp_path: Path, name: str) -> None:
    output = tmp_path / name
    write_run(LocalStore(), str(output), 0, {("a", "v1"): "jazz"})
    write_run(LocalStore(), str(tmp_path / "aab"), 0, {("b", "v1"): "rock"})
    (file,) = output.glob("scores/*/*/*.parquet")
    for other in ("part-00000.parquet", f"{file.stem} (copy).parquet"):
        file.with_name(other).write_bytes(file.read_bytes())
    connection = duckdb.connect()
    connection.execute(sql_views(SqlConfig(output=str(output))).summary())
    assert connection.execute("SELECT track_id FROM genre_answers").fetchall() == [("a",)]
