"""Notices on stderr: what a command does and waits for. `-q` silences them, but no warnings."""

import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

PATIENCE_S = 2.0
"""After this many seconds a user wonders whether anything happens."""


@dataclass(slots=True)
class _Volume:
    quiet: bool = False
    json: bool = False
    log: logging.Handler | None = None


_volume = _Volume()


def set_volume(*, quiet: bool, verbose: bool) -> None:
    """Choose how much this process says. quiet: no notices. verbose: also the log of the package, from INFO up."""
    log = logging.getLogger("genre_batch")
    if _volume.log:
        log.removeHandler(_volume.log)
    _volume.quiet, _volume.log = quiet, _LogLines() if verbose else None
    log.setLevel(logging.INFO if verbose else logging.NOTSET)
    if _volume.log:
        _volume.log.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        log.addHandler(_volume.log)


def set_log_format(*, json: bool) -> None:
    """Choose how this process writes to stderr: as text, or as one JSON object a line."""
    _volume.json = json


def is_json() -> bool:
    """Whether the user wants JSON on stderr."""
    return _volume.json


def write_line(level: str, message: str, hint: str = "") -> None:
    """Write one line to stderr in the format that the user wants; levels are `info`, `warning` and `error`.

    A JSON object has the keys time (UTC), level, message and, if there is one, hint.
    """
    if not _volume.json:
        sys.stderr.write(f"{message}\n")
        return
    entry = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "message": message}
    sys.stderr.write(json.dumps(entry | ({"hint": hint} if hint else {})) + "\n")


class _LogLines(logging.Handler):
    """The log of the package, as lines of the format that the user wants."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        write_line(record.levelname.lower(), self.format(record))


def is_quiet() -> bool:
    """Whether the user wants no notices."""
    return _volume.quiet


def say(line: str) -> None:
    """Write one line to stderr, unless the user wants no notices. Names in it must be printable."""
    if not _volume.quiet:
        write_line("info", line)


def warn(line: str) -> None:
    """Write one line to stderr that the user has to see, `-q` or not. Names in it must be printable."""
    write_line("warning", line)


@contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """Say once what the user waits for, if the block takes more than 2 s. Names in `what` must be printable."""
    timer = threading.Timer(PATIENCE_S, say, (f"{what} ...",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
