"""What all verbs have in common."""

import logging
import sys

import pytest
import typer
from typer.testing import CliRunner

from genre_batch.cli.verb import Group, VerbCommand, verb
from genre_batch.errors import UsageError
from genre_batch.notices import is_quiet


def program() -> typer.Typer:
    app = typer.Typer(cls=Group)

    @verb
    def work(name: str, loud: bool = False) -> None:
        """Do the work."""
        if name == "bad":
            raise UsageError("no such name", "give another")
        sys.stdout.write(f"{name} {loud} {is_quiet()} {logging.getLogger('genre_batch').level}\n")

    app.command("work", cls=VerbCommand)(work)
    app.callback()(lambda: None)
    return app


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["a"], "a False False 0"),
        (["-q", "a", "--loud"], "a True True 0"),
        (["a", "--quiet"], "a False True 0"),
        (["-v", "a"], "a False False 20"),
        (["a", "-qv"], "a False True 20"),
    ],
)
def test_every_verb_takes_quiet_and_verbose(arguments: list[str], printed: str) -> None:
    done = CliRunner().invoke(program(), ["work", *arguments])
    assert done.stdout == f"{printed}\n"
    # for one call only
    assert not is_quiet()
    assert logging.getLogger("genre_batch").level == logging.NOTSET


def test_a_failure_of_a_verb_is_a_sentence_and_an_exit_code() -> None:
    done = CliRunner().invoke(program(), ["work", "bad"])
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", "error: no such name\nhint: give another\n")


def test_help_shows_no_type_for_a_flag() -> None:
    shown = CliRunner().invoke(program(), ["work", "--help"]).stdout
    assert "--loud" in shown
    assert "Do the work." in shown
    assert "bool" not in shown
