"""`show`: the current answers on a terminal, by the rule of the table."""

from pathlib import Path

import pytest
from outputs import write_run
from typer.testing import CliRunner

from genre_batch import table
from genre_batch.catalog.reject import RejectReason
from genre_batch.cli.app import app
from genre_batch.errors import UsageError
from genre_batch.readers.show import show
from genre_batch.storage.local import LocalStore


@pytest.fixture
def output(tmp_path: Path) -> str:
    write_run(LocalStore(), str(tmp_path), 0, {("a.mp3", "v1"): "rock", ("b.mp3", "v1"): "jazz", ("c", "v1"): "jazz"})
    write_run(LocalStore(), str(tmp_path), 1, {("a.mp3", "v2"): "jazz", ("c", "v2"): RejectReason.CORRUPT})
    return str(tmp_path)


def test_it_shows_what_readers_of_the_table_get(output: str) -> None:
    shown = show(output)
    answers = table.latest(output)
    assert [(row.track_id, row.genre) for row in shown.answers] == [("a.mp3", "jazz"), ("b.mp3", "jazz")]
    assert {row.track_id for row in shown.answers} == set(answers["track_id"])
    assert shown.model == answers["model"].iloc[0]


def test_a_limit_leaves_out_the_least_confident_and_says_so(output: str) -> None:
    assert [row.track_id for row in show(output, limit=1).answers] == ["a.mp3"]
    assert "... and 1 more; --limit 0 shows all\n2 tracks" in show(output, limit=1).summary()
    assert len(show(output, limit=0).answers) == 2
    with pytest.raises(UsageError, match="--limit -1 is below 0"):
        show(output, limit=-1)


def test_a_genre_that_no_track_has_is_an_error_that_names_the_others(output: str) -> None:
    assert len(show(output, "jazz").answers) == 2
    with pytest.raises(UsageError, match="no track has the genre 'rock'") as error:
        show(output, "rock")
    assert error.value.hint == "there are jazz"


def test_a_model_can_be_named(output: str) -> None:
    model = show(output).model
    assert show(output, model=model) == show(output)
    with pytest.raises(UsageError, match="there is no model 'other'"):
        show(output, model="other")


def test_names_cannot_control_the_terminal(tmp_path: Path) -> None:
    write_run(LocalStore(), str(tmp_path), 0, {("a\x1b[31m.mp3", "v1"): "rock"})
    assert "a\\x1b[31m.mp3" in show(str(tmp_path)).summary()


def test_on_the_command_line_it_prints_a_table_or_the_sql(output: str) -> None:
    done = CliRunner().invoke(app, ["show", output, "--genre", "jazz", "--limit", "1"])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:2] == ["track_id  genre  confidence", "a.mp3     jazz   0.750"]
    sql = [CliRunner().invoke(app, command).stdout for command in (["show", output, "--sql"], ["sql", output])]
    assert sql[0] == sql[1]
    assert "CREATE OR REPLACE VIEW" in sql[0]
