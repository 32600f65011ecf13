"""The processes of Ray's machines and actors."""

import signal
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil
from two_stages import Role

_TITLES = {Role.EXTRACT: "ray::ExtractFeatures", Role.PREDICT: "ray::PredictGenres"}


def tree(pid: int) -> list[psutil.Process]:
    """A process and its descendants that are alive; empty if the process is gone."""
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        return [process for process in (root, *root.children(recursive=True)) if _lives(process)]
    return []


def actors(pids: Iterable[int], role: Role) -> list[psutil.Process]:
    """The actors of `role` among the descendants of the processes `pids`, sorted by process id."""
    found = {process.pid: process for pid in pids for process in tree(pid) if _title(process).startswith(_TITLES[role])}
    return [found[pid] for pid in sorted(found)]


def extracting(process: psutil.Process) -> bool:
    """Whether an extract actor is working on a batch."""
    return _title(process) == f"{_TITLES[Role.EXTRACT]}.run"


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to all processes that are still alive."""
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(number)


def end(processes: list[psutil.Process], within_s: float = 10.0) -> None:
    """Kill processes and wait until all have ended. Raises TimeoutError after `within_s` seconds."""
    send(processes, signal.SIGKILL)
    deadline_s = time.monotonic() + within_s
    while any(_lives(process) for process in processes):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"these processes do not end: {[process.pid for process in processes]}")
        time.sleep(0.01)


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _title(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return process.name()
    return ""
