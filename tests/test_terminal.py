"""How a verb ends."""

from contextlib import nullcontext

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genre_batch.errors import TooManyRejects, UsageError
from genre_batch.run.report import ScoreReport
from genre_batch.storage.store import ReadFailed
from genre_batch.terminal import show_report, told


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
    with pytest.raises(typer.Exit) as ended, told():
        raise failure
    assert ended.value.exit_code == exit_code
    printed = capsys.readouterr()
    assert printed.err.startswith(words)
    assert printed.out == ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.text())
def test_whatever_stands_in_a_name_a_failure_is_two_lines_of_plain_text(
    capsys: pytest.CaptureFixture[str], message: str, hint: str
) -> None:
    with pytest.raises(typer.Exit), told():
        raise UsageError(f"there is no file \x1b[31m{message}", f"look\u202e{hint}")
    error, advice, end = capsys.readouterr().err.split("\n")
    assert (error[:7], advice[:6], end) == ("error: ", "hint: ", "")
    assert (error + advice).isprintable()


@pytest.mark.parametrize(
    ("skipped", "scored", "rejected", "too_many"),
    [
        (0, 0, 1, True),
        (0, 6, 4, True),
        (0, 8, 2, False),
        (3, 0, 1, True),
        (3, 1, 9, False),
        (3, 0, 0, False),
        (0, 0, 0, False),
        (1000, 0, 100, True),
        (1000, 60, 40, True),
    ],
)
def test_too_many_rejects_are_an_error_of_their_own(skipped: int, scored: int, rejected: int, too_many: bool) -> None:
    """A few tracks that fail again each night are not too many, where others get an answer."""
    with pytest.raises(TooManyRejects) if too_many else nullcontext():
        show_report(report(skipped, scored, rejected), 0.25, json=False)


@pytest.mark.parametrize("skipped", [0, 3, 1000])
@pytest.mark.parametrize("tried", [1, 99, 5_000])
def test_a_run_without_one_answer_is_no_success_whatever_is_allowed(skipped: int, tried: int) -> None:
    with pytest.raises(TooManyRejects, match=f"not one of {tried:,} tracks got an answer: {tried:,} corrupt"):
        show_report(report(skipped, 0, tried), 1.0, json=False)


@pytest.mark.parametrize(
    ("skipped", "scored", "rejected", "abstained", "labelled_nothing"),
    [
        (0, 1, 0, 1, True),
        (0, 5_000, 0, 5_000, True),
        (0, 9, 1, 9, True),
        (0, 5_000, 0, 4_999, False),
        (1_000, 100, 0, 100, True),
        (1_000, 99, 0, 99, False),
        (1_000, 0, 0, 0, False),
    ],
)
def test_a_run_that_gave_no_track_a_genre_is_no_success(
    skipped: int, scored: int, rejected: int, abstained: int, labelled_nothing: bool
) -> None:
    """A few tracks of a night on which the model abstains are no alarm."""
    told = pytest.raises(TooManyRejects, match=f"abstained on every one of {scored:,} tracks")
    with told if labelled_nothing else nullcontext() as ended:
        show_report(report(skipped, scored, rejected, abstained), 1.0, json=False)
    assert ended is None or "thresholds" in ended.value.hint


def test_features_have_no_genre() -> None:
    show_report(report(0, 9, 0).model_copy(update={"answers": "features", "abstained": 9}), 1.0, json=False)


def report(skipped: int, scored: int, rejected: int, abstained: int = 0) -> ScoreReport:
    plan = {"run_id": "r", "output": "/out", "answers": "scores", "model_id": "m", "fingerprint": "f"}
    plan |= {"resumed": False}
    counts = {"listed": skipped + scored + rejected, "skipped": skipped, "scored": scored, "rejected": rejected}
    figures = {"abstained": abstained, "wall_s": 1.0, "tracks_per_s": 1.0, "cpu_s_per_track": 1.0, "bytes_read": 1}
    reasons = {"corrupt": rejected} if rejected else {}
    return ScoreReport.model_validate(plan | counts | figures | {"rejects_by_reason": reasons, "genres": {}})
