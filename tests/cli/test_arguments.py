"""Arguments that several verbs share, as the help shows them."""

import pytest
from typer.testing import CliRunner

from genre_batch.cli.app import VERBS, app

NAMES = [name for verbs in VERBS.values() for name in verbs]


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_names_of_arguments_and_no_types_of_python(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"]).stdout
    assert f"Usage: genre-batch {name} " in shown
    assert "<bool>" not in shown
    assert "[[" not in shown
    options = shown.partition("─ Options ")[2]
    assert "<" not in options
