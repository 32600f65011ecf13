"""Processes that list ranges of keys for this one: pages keep a core busy, and the threads of a process share one."""

import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Event

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from genre_batch.errors import UserError
from genre_batch.storage.open_store import RequestPayer
from genre_batch.storage.store import (
    AccessDenied,
    Archived,
    NoConnection,
    NoCredentials,
    ObjectGone,
    ReadFailed,
    StorageError,
)

AT_ONCE = 8
"""Ranges that a process lists at the same time, because a server takes a tenth of a second for a page."""
_MODULE = "genre_batch.catalog.range_lister"
_KINDS: tuple[type[StorageError], ...] = (ObjectGone, AccessDenied, NoCredentials, ReadFailed, NoConnection, Archived)
_ERRORS = {kind.__name__: kind for kind in _KINDS}


class RangeJob(BaseModel):
    """A range to list, as in `KeyRange`; path: where its tracks go, sorted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    number: NonNegativeInt
    prefix: str
    after: str
    until: str
    path: str


class RangeReply(BaseModel):
    """How far the listing of a range is. error: the name of what ended it, with its message and hint."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    number: NonNegativeInt
    tracks: NonNegativeInt = 0
    size_bytes: NonNegativeInt = 0
    done: bool = False
    error: str | None = None
    message: str = ""
    hint: str = ""

    def require(self) -> None:
        """Raise the error of the other process, if there is one."""
        if self.error in _ERRORS:
            raise _ERRORS[self.error](self.message, self.hint)
        if self.error is not None:
            raise UserError(self.message, self.hint)


class ListerEnded(Exception):
    """Such a process cannot go on, for example because memory was short. pending: what it had begun."""

    def __init__(self, fault: str, pending: Iterable[RangeJob] = ()) -> None:
        super().__init__(f"a process that lists the source {fault}")
        self.pending = tuple(pending)


class ListerProcess:
    """One such process. request_payer: see `open_store`."""

    def __init__(self, request_payer: RequestPayer | None = None) -> None:
        command = [sys.executable, "-P", "-s", "-m", _MODULE, request_payer or ""]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", process_group=0
        )

    def work(self, left: "deque[RangeJob]", on_reply: Callable[[RangeReply], None], stop: Event) -> None:
        """List what is `left`, which other processes share, and report how far that is, until nothing is left.

        Raises ListerEnded, and what the store raises.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pending: dict[int, RangeJob] = {}
        while not stop.is_set():
            with suppress(BrokenPipeError):
                while len(pending) < AT_ONCE and (job := _next(left)) is not None:
                    pending[job.number] = job
                    self._process.stdin.write(job.model_dump_json() + "\n")
                    self._process.stdin.flush()
            if not pending:
                return
            line = self._process.stdout.readline()
            if not line:
                raise ListerEnded(f"ended (exit status {self._process.wait()})", pending.values())
            try:
                reply = RangeReply.model_validate_json(line)
            except ValidationError as error:
                raise ListerEnded("does not answer as one", pending.values()) from error
            reply.require()
            on_reply(reply)
            if reply.done:
                del pending[reply.number]

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.terminate()
        with suppress(BrokenPipeError):
            self._process.communicate()


def _next(left: "deque[RangeJob]") -> RangeJob | None:
    try:
        return left.popleft()
    except IndexError:
        return None
