"""The program itself: its help, version, completion and colours, as users start it."""

import os
import re
import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from genre_batch.cli.app import VERBS, app

CLEAN = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
COLOUR = re.compile(r"\x1b\[[\d;]*3\d")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genre_batch", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=CLEAN | environment, check=False)


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_that_of_the_package(flag: str) -> None:
    done = CliRunner().invoke(app, [flag])
    assert (done.exit_code, done.stdout) == (0, f"genre-batch {version('genre-batch')}\n")


def test_alone_it_shows_the_verbs_in_their_groups() -> None:
    done = run()
    assert done.returncode == 2
    shown = done.stdout + done.stderr
    names = "|".join([*VERBS, *(name for group in VERBS.values() for name in group)])
    found = re.findall(rf"^(?:╭─|│) ({names}) ", shown, re.MULTILINE)
    assert found == [word for group, verbs in VERBS.items() for word in (group, *verbs)]


@pytest.mark.parametrize("words", [["-h"], ["score", "-h"], ["--help"]])
def test_help_has_a_short_form_and_the_same_name_however_it_is_started(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 0
    assert "Usage: genre-batch " in done.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("genre-batch sc", {"score", "schema"}),
        ("genre-batch train --recipe mfcc_", {"mfcc_cnn", "mfcc_knn", "mfcc_mlp"}),
        ("genre-batch score --retry too_", {"too_short", "too_long"}),
        ("genre-batch schema g", {"gc"}),
    ],
)
def test_the_shell_completes_verbs_and_values(words: str, offered: set[str]) -> None:
    cursor = str(len(words.split()) - 1)
    done = run(_GENRE_BATCH_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=cursor)
    assert set(done.stdout.split()) == offered


def test_it_prints_the_script_for_the_shell() -> None:
    # without that variable it asks for the shell that it was started from, which a test has none of
    done = run("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert done.returncode == 0, done.stderr
    assert "_GENRE_BATCH_COMPLETE=complete_bash" in done.stdout
    assert done.stdout.rstrip().endswith(" genre-batch")


@pytest.mark.parametrize(
    ("environment", "is_coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colours_of_the_help_follow_the_environment(environment: dict[str, str], is_coloured: bool) -> None:
    assert bool(COLOUR.search(run("--help", **environment).stdout)) == is_coloured
