"""How a verb ends."""

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genre_batch.errors import TooManyRejects, UsageError
from genre_batch.run.run_report import Failure, RunReport
from genre_batch.storage.store import ReadFailed
from genre_batch.terminal import exit_on_error, print_outcome


@pytest.mark.parametrize(
    ("failure", "exit_code", "words"),
    [
        (UsageError("no such\nthing", "look\nhere"), 2, "error: no such thing\nhint: look here\n"),
        (ReadFailed("the store is down"), 1, "error: the store is down\nhint: check the address"),
        (KeyboardInterrupt(), 130, "error: interrupted\nhint: start again"),
        (KeyError("x"), 1, "error: unexpected KeyError: 'x'\nhint: GENRE_BATCH_DEBUG=1"),
    ],
)
def test_a_failure_is_one_sentence_and_an_exit_code(
    failure: BaseException, exit_code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, exit_on_error():
        raise failure
    assert ended.value.exit_code == exit_code
    printed = capsys.readouterr()
    assert printed.err.startswith(words)
    assert printed.out == ""


@pytest.mark.parametrize(
    ("environment", "is_coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False),
        ({"FORCE_COLOR": "", "NO_COLOR": ""}, False),
    ],
)
def test_colours_follow_the_environment(
    environment: dict[str, str],
    is_coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(typer.Exit), exit_on_error():
        raise UsageError("no", "yes")
    plain = "error: no\nhint: yes\n"
    coloured = "\033[1;31merror\033[0m: no\n\033[1;36mhint\033[0m: yes\n"
    assert capsys.readouterr().err == (coloured if is_coloured else plain)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.text())
def test_a_failure_is_two_lines_of_plain_text_whatever_a_name_contains(
    capsys: pytest.CaptureFixture[str], message: str, hint: str
) -> None:
    with pytest.raises(typer.Exit), exit_on_error():
        raise UsageError(f"there is no file \x1b[31m{message}", f"look\u202e{hint}")
    error, advice, end = capsys.readouterr().err.split("\n")
    assert (error[:7], advice[:6], end) == ("error: ", "hint: ", "")
    assert (error + advice).isprintable()


def test_the_report_of_a_failed_run_is_printed_before_its_failure_is_raised(capsys: pytest.CaptureFixture[str]) -> None:
    print_outcome(report(None), json=True)
    with pytest.raises(TooManyRejects, match="run r failed") as ended:
        print_outcome(report(Failure(message="run r failed", hint="look")), json=True)
    assert (ended.value.exit_code, ended.value.hint) == (3, "look")
    good, failed = capsys.readouterr().out.splitlines()
    assert '"failure":null' in good
    assert '"failure":{"message":"run r failed","hint":"look"}' in failed


def report(failure: Failure | None) -> RunReport:
    plan = {"run_id": "r", "output": "/out", "answers": "scores", "model_id": "m", "fingerprint": "f"}
    counts = {"listed": 1, "skipped": 0, "scored": 1, "abstained": 0, "rejected": 0}
    figures = {"wall_s": 1.0, "tracks_per_s": 1.0, "cpu_s_per_track": 1.0, "bytes_read": 1}
    rest = {"resumed": False, "rejects_by_reason": {}, "genres": {}, "failure": failure}
    return RunReport.model_validate(plan | counts | figures | rest)
