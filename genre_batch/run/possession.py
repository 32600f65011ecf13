"""One driver works on a run at a time: a second start sees the live one and stops, a dead one is replaced.

A driver that is not known to have ended is watched for a while. If its heartbeat moves, it is alive. If not, its place
is taken, and should it wake up after all, it finds that out and stops.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil

from genre_batch.catalog.reject import printable
from genre_batch.errors import DamageFound, UserError
from genre_batch.interrupts import check
from genre_batch.notices import say
from genre_batch.run.progress import Progress
from genre_batch.sink.heartbeat import DriverFacts, Heartbeat, read_heartbeat, swap_heartbeat
from genre_batch.sink.layout import at, heartbeat_path
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.store import StorageError, Store

_BEAT_EVERY_S = 5.0
_DEAD_AFTER_S = 30.0
_LOOK_EVERY_S = 0.5


class Possession:
    """A run that this process works on."""

    def __init__(self, store: Store, output: str, plan: RunPlan) -> None:
        self._progress: Progress | None = None
        self._kept = 0
        self._store, self._output, self._plan = store, output, plan
        self._me = this_driver()
        self._started_at = datetime.now(UTC)
        self._beat, self._taken_by, self._ended = 0, "", False
        self._writing = threading.Lock()

    def report(self, progress: Progress, kept: int) -> None:
        """Let the heartbeat say how far the run is: `kept` tracks were done before, the others `progress` counts."""
        self._progress, self._kept = progress, kept

    def check(self) -> None:
        """Raise UserError if another driver has taken the run."""
        if self._taken_by:
            raise UserError(
                f"run {self._plan.run_id} was taken over by {self._taken_by}, because this driver sent no heartbeat "
                f"for {_DEAD_AFTER_S:.0f} s",
                "let that driver finish: what is committed is kept",
            )

    def take(self) -> None:
        """Take the run. Raises UserError if another driver is at work on it."""
        while True:
            try:
                found = read_heartbeat(self._store, self._output, self._plan.run_id)
            except DamageFound:  # it informs, and decides nothing that has to be right
                found = None
                self._store.delete(at(self._output, heartbeat_path(self._plan.run_id)))
            if found is not None and _may_work(found[0]):
                self._watch(found[0])
            if swap_heartbeat(self._store, self._output, self._heartbeat("working"), found[1] if found else None):
                return

    def beat(self) -> None:
        """Write a sign of life. Storage that fails is not an error: the work itself will notice."""
        with suppress(StorageError):
            self._write("working")

    def pause(self, why: str) -> None:
        """Say that the run has stopped here, and is not finished."""
        with suppress(StorageError, DamageFound):
            self._write("stopped", why)

    def end(self, error: BaseException | None) -> None:
        """Say that the run has finished or, with the error, that it has stopped here."""
        message = "" if error is None else printable(str(error) or "interrupted")
        with suppress(StorageError, DamageFound):
            self._write("stopped" if error is not None else "finished", message)

    def _write(self, state: str, error: str = "") -> None:
        with self._writing:
            if self._ended:  # a beat that waited for the last word
                return
            self._ended = state != "working"
            found = read_heartbeat(self._store, self._output, self._plan.run_id)
            if found is not None and found[0].by.driver != self._me.driver:
                self._taken_by = found[0].by.name()
                return
            swap_heartbeat(self._store, self._output, self._heartbeat(state, error), found[1] if found else None)

    def _heartbeat(self, state: str, error: str = "") -> Heartbeat:
        self._beat += 1
        now, progress = datetime.now(UTC), self._progress
        done = progress.tracks if progress else 0
        elapsed_s = time.monotonic() - progress.started_s if progress else 0.0
        return Heartbeat.model_validate(
            {
                "run_id": self._plan.run_id,
                "state": state,
                "by": self._me,
                "beat": self._beat,
                "started_at": self._started_at,
                "at": now,
                "tracks": self._kept + done,
                "of": self._plan.tracks,
                "tracks_per_s": done / elapsed_s if elapsed_s > 0 else 0.0,
                "error": error,
            }
        )

    def _watch(self, found: Heartbeat) -> None:
        """Return once the driver of `found` must be dead. Raises UserError if it is at work."""
        if (now := _alive(self._store, self._output, found)) is not None:
            raise UserError(
                f"run {now.run_id} over {printable(self._plan.source)} is in progress on {now.by.name()}, with "
                f"{now.tracks:,} of {now.of:,} tracks done; a second start would do the same work twice",
                f"wait for it, or stop it first; `genre-batch status {self._output}` shows how far it is",
            )


def is_at_work(store: Store, output: str, plan: RunPlan) -> bool:
    """Whether a driver works on a run now. If it has not said that it stopped, it is watched for up to 30 s."""
    try:
        found = read_heartbeat(store, output, plan.run_id)
    except DamageFound:
        return False
    return found is not None and _may_work(found[0]) and _alive(store, output, found[0]) is not None


def _alive(store: Store, output: str, found: Heartbeat) -> Heartbeat | None:
    """A later heartbeat than `found`; None once it has not moved for so long that its driver must be dead."""
    run_id, by = found.run_id, found.by.name()
    say(f"{by} worked on run {run_id}; checking whether it is still alive, which takes up to {_DEAD_AFTER_S:.0f} s")
    until_s = time.monotonic() + _DEAD_AFTER_S
    while time.monotonic() < until_s:
        check()
        time.sleep(_LOOK_EVERY_S)
        now = read_heartbeat(store, output, run_id)
        if now is None or now[0].state != "working":
            return None
        if (now[0].by.driver, now[0].beat) != (found.by.driver, found.beat):
            return now[0]
    return None


@contextmanager
def possession_of(store: Store, output: str, plan: RunPlan) -> Iterator[Possession]:
    """Work on a run alone while the block runs, with a heartbeat. Raises UserError if another driver does already."""
    mine, stop = Possession(store, output, plan), threading.Event()
    mine.take()

    def beat() -> None:
        while not stop.wait(_BEAT_EVERY_S):
            mine.beat()

    thread = threading.Thread(target=beat, daemon=True, name="heartbeat")
    thread.start()
    try:
        yield mine
    except BaseException as error:
        stop.set()
        mine.end(error)
        raise
    stop.set()
    mine.end(None)


def this_driver() -> DriverFacts:
    """This process, as the driver of a run that it takes now."""
    since_s = psutil.Process().create_time()
    return DriverFacts(
        driver=secrets.token_hex(8), host=socket.gethostname(), machine=_machine(), pid=os.getpid(), pid_since_s=since_s
    )


def _may_work(heartbeat: Heartbeat) -> bool:
    """Whether the driver of `heartbeat` may still be at work: it has not said that it stopped, nor died here."""
    return heartbeat.state == "working" and not died_here(heartbeat.by)


def died_here(by: DriverFacts) -> bool:
    """Whether a driver was a process of this machine that no longer exists."""
    if by.machine != _machine():
        return False
    try:
        return abs(psutil.Process(by.pid).create_time() - by.pid_since_s) >= 1.0
    except psutil.NoSuchProcess:
        return True


def _machine() -> str:
    """What distinguishes the sets of processes that one pid belongs to: a boot of a machine, and a container there."""
    found = [socket.gethostname()]
    with suppress(OSError):
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        found.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(found)
