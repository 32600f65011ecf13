"""What hints tell people to type is a command that there is."""

import pytest
from typer.testing import CliRunner

from genre_batch.cli import app
from genre_batch.sink.mending import giving_up, mend


@pytest.mark.parametrize("command", [mend("/nowhere"), giving_up("/nowhere", "20261121T065212Z-3f09ab")])
def test_the_commands_of_hints_can_be_typed(command: str) -> None:
    program, *words = command.split()
    assert program == "genre-batch"
    assert CliRunner().invoke(app, words).exit_code == 2
    assert "/nowhere" in CliRunner().invoke(app, words).output
