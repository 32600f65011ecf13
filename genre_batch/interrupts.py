"""A signal ends a command at any moment, with one sentence and exit code 130.

The command runs in a child process. Ray's native code installs signal handlers of its own and cannot be interrupted
while it starts: it dumps stacks, or crashes. So the child ignores signals. Its parent, which does nothing else, asks it
to stop if it can stop cleanly, and otherwise kills it and all its children: what is committed is safe anyway.
"""

import ctypes
import json
import mmap
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

EXIT_CODE = 130
_HINT = "start again to continue: what is committed is kept"
SENTENCE = f"error: interrupted\nhint: {_HINT}\n"
_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_GRACE_S = 8.0
_LOOK_EVERY_S = 0.02
_SUPERVISED, _ORDERLY, _STOP, _JSON = 0, 1, 2, 3
_RAY_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Set by Ray for the entrypoint of a submitted job."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36

_flags = mmap.mmap(-1, mmap.PAGESIZE)
"""What parent and child share: whether there is a parent, whether the child can stop cleanly now, whether it should
stop, and whether stderr gets JSON."""


class _Interrupted(Exception):
    """A signal has arrived."""


@contextmanager
def orderly() -> Iterator[None]:
    """While this lasts, an interrupt does not kill the process: `check` raises it where it is called."""
    _flags[_ORDERLY] = 1
    try:
        yield
    finally:
        _flags[_ORDERLY] = 0


def check() -> None:
    """Raise KeyboardInterrupt if the run should stop. Call it where a run can stop cleanly."""
    if _flags[_STOP]:
        raise KeyboardInterrupt


def log_as_json(wanted: bool) -> None:
    """Whether an interrupt or a killed command is reported as a JSON object, as everything else then is."""
    _flags[_JSON] = wanted


def sentence() -> str:
    """What is written to stderr at an interrupt."""
    return _error("interrupted", _HINT)


def _error(message: str, hint: str) -> str:
    """An error and its hint as the user wants them on stderr: two lines of text, or one JSON object."""
    if not _flags[_JSON]:
        return f"error: {message}\nhint: {hint}\n"
    time_now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": time_now, "level": "error", "message": message, "hint": hint}) + "\n"


def is_supervised() -> bool:
    """Whether a parent process receives the signals and reports an interrupt, so that this one need not."""
    return bool(_flags[_SUPERVISED])


def supervise(command: Callable[[], None]) -> None:
    """Run `command` in a child process, and end this one with the child's exit code.

    SIGINT, SIGTERM and SIGHUP end both within 10 s, with `SENTENCE` on stderr and exit code 130. Call it before any
    thread is started. On systems other than Linux, `command` runs in this process.
    """
    if sys.platform != "linux":
        command()
        return
    parent, child = os.getpid(), 0
    try:
        for number in _SIGNALS - _ignored():
            signal.signal(number, _interrupt)
        _flags[_SUPERVISED] = 1
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        _end_with_the_shell_of_a_ray_job()
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        child = os.fork()
        if child:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            _exit_as(_wait_for(child))
    except _Interrupted:
        _stop(child)
    _begin_child(parent)
    command()


def _end_with_the_shell_of_a_ray_job() -> None:
    """Raise _Interrupted, now or later, if the shell that runs the entrypoint of a Ray job ends before this process.

    `ray job stop` signals the processes that it sees. If the shell is about to start this one, it sees only the shell:
    the job then counts as stopped, and this process would go on to the end.
    """
    shell = os.getpgrp()
    if _RAY_JOB not in os.environ or shell == os.getpid():
        return
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != shell and not _is_running(shell):
        raise _Interrupted


def _is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def _ignored() -> set[signal.Signals]:
    """The signals that the parent process set to be ignored, as nohup does."""
    return {number for number in _SIGNALS if signal.getsignal(number) == signal.SIG_IGN}


def _interrupt(*_: object) -> None:
    for number in _SIGNALS - _ignored():
        signal.signal(number, _do_nothing)
    raise _Interrupted


def _do_nothing(*_: object) -> None:
    """Unlike SIG_IGN, a handler is not inherited by the programs that a process starts."""


def _begin_child(parent: int) -> None:
    os.setpgid(0, 0)  # out of reach of Ctrl-C, and of schedulers that signal the process group
    for number in _SIGNALS - _ignored():
        signal.signal(number, _do_nothing)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(EXIT_CODE)


def _wait_for(child: int) -> int:
    """The wait status of `child`. Orphans of it are reaped on the way."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            return status


def _exit_as(status: int) -> None:
    """End this process as the child with this wait status ended."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        name = signal.Signals(-code).name
        why = "; SIGKILL often means that memory ran out" if name == "SIGKILL" else ""
        sys.stderr.write(_error(f"the process was ended by {name}", _HINT + why))
    sys.exit(code if code >= 0 else 1)


def _stop(child: int) -> None:
    """Let the child stop cleanly if it can, kill the rest, and end this process."""
    if child:
        deadline_s = time.monotonic() + _GRACE_S
        _flags[_STOP] = 1
        while _flags[_ORDERLY] and time.monotonic() < deadline_s and os.waitpid(child, os.WNOHANG)[0] == 0:
            time.sleep(_LOOK_EVERY_S)
        _kill_descendants()
    sys.stderr.write(sentence())
    sys.stderr.flush()
    os._exit(EXIT_CODE)


def _kill_descendants() -> None:
    import psutil

    while left := psutil.Process().children(recursive=True):
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(left, timeout=0.5)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
