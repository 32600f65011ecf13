"""How a verb ends: its report on stdout, or one sentence on stderr and an exit code."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from genre_batch.errors import TooManyRejects, UserError

if TYPE_CHECKING:
    from genre_batch.config import TableConfig
    from genre_batch.run.job import Job
    from genre_batch.run.report import ScoreReport

_RATE_NEEDS_TRACKS = 100
"""Where most of a catalog is done, the share of rejects among a few tracks says nothing about the run."""

_LONGEST_MESSAGE = 4_000


@contextmanager
def told() -> Iterator[None]:
    """Turn failures into one sentence on stderr and the exit code of the plan."""
    from genre_batch.storage.store import StorageError

    try:
        yield
    except UserError as error:
        _fail(str(error), error.hint, error.exit_code)
    except StorageError as error:
        _fail(str(error), "check the address and the credentials, then start again: what is committed is kept", 1)
    except KeyboardInterrupt:
        _fail("interrupted", "start again to go on: what is committed is kept", 130)
    except Exception as error:
        if os.environ.get("GENRE_BATCH_DEBUG"):
            raise
        _fail(f"unexpected {type(error).__name__}: {error}", "GENRE_BATCH_DEBUG=1 shows where; please report it", 1)


def _fail(message: str, hint: str, exit_code: int) -> None:
    sys.stderr.write(f"error: {_one_line(message)}\n")
    if hint:
        sys.stderr.write(f"hint: {_one_line(hint)}\n")
    raise typer.Exit(exit_code)


def _one_line(text: str) -> str:
    """Names of objects stand in messages, and may hold what moves the cursor or turns the text around."""
    from genre_batch.catalog.reject import printable

    return printable(" ".join(text.split()), _LONGEST_MESSAGE)


def show_plan(settings: "TableConfig", job: "Job", *, json: bool) -> None:
    """Say on stdout what a run would do."""
    from genre_batch.run.preview import preview

    report = preview(settings, job)
    typer.echo(report.model_dump_json() if json else report.summary())


def show_report(report: "ScoreReport", max_reject_rate: float, *, json: bool) -> None:
    """Say on stdout what a run did. Raises TooManyRejects where that is no success, also for want of a genre."""
    from genre_batch.run.report import summary

    typer.echo(report.model_dump_json() if json else summary(report))
    _check_rejects(report, max_reject_rate)
    _check_genres(report)


def _check_rejects(report: "ScoreReport", max_reject_rate: float) -> None:
    tried = report.scored + report.rejected
    where = f"look at {report.output.rstrip('/')}/rejects"
    if tried and not report.scored:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in report.rejects_by_reason.items())
        raise TooManyRejects(f"not one of {tried:,} tracks got an answer: {reasons}", where)
    if not _is_few(report) and report.reject_rate > max_reject_rate:
        told = f"{report.rejected:,} of {tried:,} tracks were rejected, more than max_reject_rate allows"
        raise TooManyRejects(told, f"{where}; the setting is {max_reject_rate:g}")


def _check_genres(report: "ScoreReport") -> None:
    if report.answers == "scores" and report.scored and report.scored == report.abstained and not _is_few(report):
        raise TooManyRejects(
            f"the model abstained on every one of {report.scored:,} tracks that it scored: none has a genre",
            f"compare the confidences in {report.output.rstrip('/')}/scores with the thresholds in the bundle's card; "
            "score with a bundle that has lower ones, as a lower target_precision makes when it is trained",
        )


def _is_few(report: "ScoreReport") -> bool:
    """Whether only some tracks were left to try, beside many that were done before."""
    return report.skipped > 0 and report.scored + report.rejected < _RATE_NEEDS_TRACKS
