"""How a verb ends: its report on stdout, or one sentence on stderr and an exit code."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import typer

from genre_batch.errors import TooManyRejects, UserError
from genre_batch.interrupts import EXIT_CODE, is_supervised, sentence
from genre_batch.notices import is_json, write_line

if TYPE_CHECKING:
    from genre_batch.run.run_report import RunReport, RunReports

_LONGEST_MESSAGE = 4_000
_RED, _CYAN = 31, 36


class Report(Protocol):
    """The outcome of a verb: a pydantic model with a summary."""

    def model_dump_json(self) -> str:
        """The report as one JSON object."""

    def summary(self) -> str:
        """The report as lines for people."""


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Turn an exception of the block into one sentence on stderr and an exit code (see `errors`)."""
    from genre_batch.storage.store import StorageError

    try:
        yield
    except UserError as error:
        _fail(str(error), error.hint, error.exit_code)
    except StorageError as error:
        hint = error.hint or "check the address and the credentials"
        _fail(str(error), f"{hint}, then start again: what is committed is kept", 1)
    except KeyboardInterrupt:
        if not is_supervised():
            sys.stderr.write(sentence())
        raise typer.Exit(EXIT_CODE) from None
    except Exception as error:
        if os.environ.get("GENRE_BATCH_DEBUG"):
            raise
        _fail(f"unexpected {type(error).__name__}: {error}", "GENRE_BATCH_DEBUG=1 shows where; please report it", 1)


def _fail(message: str, hint: str, exit_code: int) -> None:
    if is_json():
        write_line("error", _one_line(message), _one_line(hint))
        raise typer.Exit(exit_code)
    sys.stderr.write(f"{_coloured('error', _RED)}: {_one_line(message)}\n")
    if hint:
        sys.stderr.write(f"{_coloured('hint', _CYAN)}: {_one_line(hint)}\n")
    raise typer.Exit(exit_code)


def _coloured(word: str, colour: int) -> str:
    """`word` in bold and `colour` if stderr is a terminal or FORCE_COLOR is set, and NO_COLOR is not."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return word
    wanted = os.environ.get("FORCE_COLOR") or sys.stderr.isatty()
    return f"\033[1;{colour}m{word}\033[0m" if wanted else word


def _one_line(text: str) -> str:
    """`text` on one line, control characters escaped: object names in it may move the cursor or reverse the text."""
    from genre_batch.catalog.reject import printable

    return printable(" ".join(text.split()), _LONGEST_MESSAGE)


def print_report(report: Report, *, json: bool) -> None:
    """Print the report of a verb on stdout: as JSON, or as lines for people."""
    typer.echo(report.model_dump_json() if json else report.summary())


def print_outcome(report: "RunReport | RunReports", *, json: bool) -> None:
    """Print what a run did. Raises TooManyRejects unless it was a success."""
    print_report(report, json=json)
    if report.failure is not None:
        raise TooManyRejects(report.failure.message, report.failure.hint)
