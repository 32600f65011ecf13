"""`genre-batch sql` answers what `table.latest` answers, in DuckDB and in Spark."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from outputs import make_run, write_rows, write_run
from publish.histories import OTHER, lacks, night, run
from sink.test_tables import FRONT_END, described
from test_table import CASES, CORRUPT, GONE

from genre_batch import table
from genre_batch.cli.app import main
from genre_batch.errors import UsageError
from genre_batch.readers.sql_engine import EngineName
from genre_batch.readers.sql_views import SqlConfig, sql_views
from genre_batch.sink.tables import features_maker
from genre_batch.storage.local import LocalStore

Query = Callable[[str], list[tuple[object, ...]]]
Open = Callable[[str], Query]


def open_duckdb(output: str) -> Query:
    connection = duckdb.connect()
    connection.execute(sql_views(SqlConfig(output=output)).summary())
    return lambda query: connection.execute(query).fetchall()


@pytest.fixture
def spark(spark_session: Any) -> Open:
    def open_spark(output: str) -> Query:
        for name in ("unanswered", "answers", "served"):
            spark_session.sql(f"DROP VIEW IF EXISTS genre_{name}")
        for name in ("scores", "rejects", "serving"):
            spark_session.sql(f"DROP TABLE IF EXISTS genre_{name}")
        for statement in sql_views(SqlConfig(output=output, engine="spark")).statements:
            spark_session.sql(statement)
        return lambda query: [tuple(row) for row in spark_session.sql(query).collect()]

    return open_spark


def pairs(top_k: Any) -> list[tuple[str, float]]:
    """The pairs of `top_k` as DuckDB or Spark returns them."""
    return [tuple(pair.values()) if isinstance(pair, dict) else tuple(pair) for pair in top_k]


SPARK = pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(170)])


@pytest.fixture(params=["duckdb", SPARK])
def open_engine(request: pytest.FixtureRequest) -> Open:
    return open_duckdb if request.param == "duckdb" else request.getfixturevalue("spark")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """An output in which each history of `test_table.py` is a model, and the history of each model."""
    output = str(tmp_path_factory.mktemp("cases") / "it's")
    models = {f"case-{number}": name for number, name in enumerate(CASES)}
    for number, (model, name) in enumerate(models.items()):
        for day, outcomes in enumerate(CASES[name][0], start=10 * number):
            write_run(LocalStore(), output, day, outcomes, model_id=model, fingerprint=model)
    return output, models


def test_every_history_has_the_answers_of_the_table(cases: tuple[str, dict[str, str]], open_engine: Open) -> None:
    output, models = cases
    query = open_engine(output)
    found = query("SELECT model, track_id, etag, genre, dt FROM genre_answers")
    wanted = set()
    for model, name in models.items():
        if Path(output, f"scores/model={model}").exists():
            rows = table.latest(output, model)
            assert dict(zip(rows["track_id"], rows["genre"], strict=True)) == CASES[name][1]
            wanted |= set(rows[["model", "track_id", "etag", "genre", "dt"]].itertuples(index=False, name=None))
    assert len(found) == len(wanted)
    assert set(found) == wanted


def test_two_runs_and_two_models_with_their_nested_columns(tmp_path: Path, open_engine: Open) -> None:
    output = str(tmp_path)
    write_run(LocalStore(), output, 0, {("a", "v1"): "jazz", ("b", "v1"): "rock", ("c", "v1"): GONE}, model_id="old-1")
    write_run(LocalStore(), output, 1, {("a", "v2"): "pop", ("b", "v2"): CORRUPT, ("d", "v1"): GONE}, model_id="old-1")
    write_run(LocalStore(), output, 2, {("a", "v2"): "blues", ("d", "v1"): CORRUPT}, model_id="new-2")
    query = open_engine(output)
    found = query("SELECT model, track_id, sample_rate, top_k FROM genre_answers ORDER BY model")
    assert [row[:3] for row in found] == [("new-2", "a", 44100), ("old-1", "a", 44100)]
    assert [pairs(row[3]) for row in found] == [
        [("blues", 0.75), ("other", 0.25)],
        [("pop", 0.75), ("other", 0.25)],
    ]
    for model in ("old-1", "new-2"):
        times = query(f"SELECT CAST(event_timestamp AS VARCHAR(30)) FROM genre_answers WHERE model = '{model}'")
        assert times[0][0][:19] == str(table.latest(output, model)["event_timestamp"][0])[:19]  # type: ignore[index]
    rejected = query("SELECT model, track_id, etag, reason FROM genre_unanswered")
    old = [("old-1", "b", "v2", "corrupt"), ("old-1", "c", "v1", "gone"), ("old-1", "d", "v1", "gone")]
    assert sorted(rejected) == [("new-2", "d", "v1", "corrupt"), *old]  # type: ignore[type-var]


def test_the_views_follow_what_is_published(tmp_path: Path, open_engine: Open) -> None:
    place = LocalStore(), str(tmp_path)
    night(place, 0, {"a:v1": "jazz", "b:v1": "rock", "c:v1": "pop"})
    run(place)
    second = night(place, 1, {"a:v2": "metal", "b:v2": CORRUPT})
    night(place, 2, {"a:v2": "blues"}, **OTHER)
    query = open_engine(place[1])

    def found() -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        answers = "SELECT model, track_id, genre FROM genre_answers ORDER BY model, track_id"
        return query(answers), query("SELECT track_id, genre FROM genre_served ORDER BY track_id")

    def wanted() -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        columns = ["model", "track_id", "genre"]
        tables = [table.latest(place[1], model, columns=columns) for model in ("mel-cnn-1", "other-1")]
        answers = [row for rows in tables for row in sorted(rows.itertuples(index=False, name=None))]
        served = table.latest(place[1], columns=columns[1:])
        return answers, sorted(served.itertuples(index=False, name=None))

    assert found() == wanted()
    assert found()[1] == [("a", "jazz"), ("b", "rock"), ("c", "pop")]
    lacks(place, second.run_id, "c")
    run(place)
    # a new partition of the day is all that an engine may have to look for
    query = open_engine(place[1])
    assert found() == wanted()
    assert found()[1] == [("a", "metal")]
    run(place, model="other-1")
    query = open_engine(place[1])
    # of a model that is not served, the views have tracks that are gone, too
    answers, served = found()
    assert (sorted({("mel-cnn-1", "c", "pop")} ^ set(answers)), served) == wanted()
    run(place, rollback=True)
    query = open_engine(place[1])
    assert found() == wanted()
    assert found()[1] == [("a", "metal")]


def test_in_duckdb_what_is_served_needs_no_new_script(tmp_path: Path) -> None:
    place = LocalStore(), str(tmp_path)
    night(place, 0, {"a:v1": "jazz"})
    run(place)
    query = open_duckdb(place[1])
    night(place, 1, {"a:v2": "pop", "b:v1": "rock"})
    assert query("SELECT genre FROM genre_answers") == [("jazz",)]
    run(place)
    assert sorted(query("SELECT genre FROM genre_answers")) == [("pop",), ("rock",)]
    run(place, rollback=True)
    assert query("SELECT genre FROM genre_answers") == query("SELECT genre FROM genre_served") == [("jazz",)]


def test_without_a_serving_table_the_published_runs_are_those_of_the_script(tmp_path: Path) -> None:
    place = LocalStore(), str(tmp_path)
    night(place, 0, {"a:v1": "jazz"})
    run(place, serving=False)
    night(place, 1, {"a:v2": CORRUPT, "b:v1": "rock"})
    assert open_duckdb(place[1])("SELECT track_id, genre FROM genre_answers") == [("a", "jazz")]


def test_an_output_without_rejects_has_an_empty_table_of_them(
    tmp_path: Path, open_engine: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(LocalStore(), str(tmp_path), 0, {("a", "v1"): "jazz"})
    query = open_engine(str(tmp_path))
    assert query("SELECT track_id, genre FROM genre_answers") == [("a", "jazz")]
    assert query("SELECT * FROM genre_unanswered") == []
    assert "there are no rejects yet: print the statements again" in capsys.readouterr().err


def test_features_have_no_views(tmp_path: Path) -> None:
    make, facts = features_maker(FRONT_END), {"answers": "features", "model_id": "mlp-1"}
    write_rows(LocalStore(), str(tmp_path), make_run(0, 1, **facts), [described(0, 2)], make_table=make)
    with pytest.raises(UsageError, match="there are no scores at"):
        sql_views(SqlConfig(output=str(tmp_path)))


@pytest.mark.parametrize("engine", ["athena", "trino"])
def test_engines_that_read_only_s3_say_so(tmp_path: Path, engine: EngineName) -> None:
    write_run(LocalStore(), str(tmp_path), 0, {("a", "v1"): "jazz"})
    with pytest.raises(UsageError, match=f"{engine} cannot read .* not on S3") as error:
        sql_views(SqlConfig(output=str(tmp_path), engine=engine))
    assert error.value.hint == "use --engine duckdb or spark"


def test_the_verb_prints_a_script_and_refuses_names_that_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(LocalStore(), str(tmp_path), 0, {("a", "v1"): "jazz", ("b", "v1"): CORRUPT})
    with pytest.raises(SystemExit) as ended:
        main(["sql", str(tmp_path), "--prefix", "g_"])
    assert ended.value.code == 0
    script = capsys.readouterr().out
    connection = duckdb.connect()
    connection.execute(script)
    assert connection.execute("SELECT count(*) FROM g_answers").fetchall() == [(1,)]
    with pytest.raises(SystemExit):
        main(["sql", str(tmp_path), "--json"])
    assert json.loads(capsys.readouterr().out)["models"] == ["mel-cnn-1"]
    for arguments, message in ((["--prefix", "a; DROP"], "prefix"), (["--engine", "oracle"], "engine")):
        with pytest.raises(SystemExit) as ended:
            main(["sql", str(tmp_path), *arguments])
        assert ended.value.code == 2
        assert message in capsys.readouterr().err
