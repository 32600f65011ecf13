"""Ray of our own on this machine: where it can be started at all, a second try, and the cause if it does not start."""

import errno
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import ray

from genre_batch.engine.lean_ray import without_unused_services
from genre_batch.errors import UserError
from genre_batch.notices import say, waiting_for

_LONGEST_SOCKET_PATH_BYTES = 107
_SOCKET_BELOW_TMP = "/ray/session_2026-11-29_04-13-44_378982_4194304/sockets/plasma_store.10"
_SHORT_FOLDERS = ("/tmp", "/dev/shm", "/var/tmp")
_TRIES = 2
_PATIENCE = {"RAY_agent_register_timeout_ms": "120000", "RAY_gcs_server_port_wait_time_s": "120"}
"""Ray gives up on its own parts after 15 to 60 s, which a busy machine can take."""
_LATE_WORDS = ("timed out", "timeout", "overloaded", "within", "not found in NodeInfo")


@contextmanager
def own_ray(metrics_port: int | None = None) -> Iterator[None]:
    """Ray on this machine while the block runs; the caller shuts it down. Raises UserError if it does not start.

    metrics_port: where it serves metrics; None: it serves none.
    """
    with ExitStack() as stack:
        for name, value in (_PATIENCE | _token()).items():
            if name not in os.environ:
                os.environ[name] = value
                stack.callback(os.environ.pop, name, None)
        folder = stack.enter_context(_short_folder())
        with waiting_for("starting Ray"), without_unused_services(metrics=metrics_port is not None):
            _start(folder, metrics_port)
        yield


def _start(folder: str | None, metrics_port: int | None) -> None:
    for left in reversed(range(_TRIES)):
        before = set(psutil.Process().children(recursive=True))
        try:
            ray.init(
                address="local",
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=folder,
                _metrics_export_port=metrics_port,
            )
        except Exception as error:  # Ray raises bare exceptions, too
            with suppress(Exception):
                ray.shutdown()
            _end(before)
            if not left:
                raise _not_started(error, folder) from error
            say(f"Ray did not start ({_first_line(error)}); trying again")
        else:
            return


def _end(before: set[psutil.Process]) -> None:
    """End what a failed start has left behind: all processes below this one that were not there `before` it."""
    left = [child for child in psutil.Process().children(recursive=True) if child not in before]
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=10)


def _token() -> dict[str, str]:
    """A token for the cluster if Ray can keep none in ~/.ray, as it does by default; else nothing."""
    if os.environ.get("RAY_AUTH_MODE") == "disabled" or "RAY_AUTH_TOKEN_PATH" in os.environ:
        return {}
    try:
        home = Path.home() / ".ray"
        home.mkdir(parents=True, exist_ok=True)
        if (home / "auth_token").is_file():
            (home / "auth_token").read_bytes()
        elif not _is_usable(str(home)):
            return {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    except (OSError, RuntimeError):
        return {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return {}


@contextmanager
def _short_folder() -> Iterator[str | None]:
    """A folder for Ray if the usual one cannot be written or its path is too long for sockets; else None."""
    usual = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or _SHORT_FOLDERS[0]
    if len(os.fsencode(usual + _SOCKET_BELOW_TMP)) <= _LONGEST_SOCKET_PATH_BYTES and _is_usable(usual):
        yield None
        return
    base = next(filter(_is_usable, _SHORT_FOLDERS), None)
    if base is None:
        raise UserError(
            f"Ray cannot be started here: neither {usual!r} nor {', '.join(_SHORT_FOLDERS)} can hold its sockets",
            "set RAY_TMPDIR to a folder that this user can write and whose path has at most 35 characters",
        )
    folder = tempfile.mkdtemp(prefix="ray-", dir=base)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_usable(folder: str) -> bool:
    """Whether files can be made in `folder`, which is made if it does not exist, as Ray does.

    Permissions alone do not show it: it may be read-only or full.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError:
        return False
    return True


def _not_started(error: Exception, folder: str | None) -> UserError:
    """What the user reads after the last try."""
    text = _first_line(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return UserError(f"Ray did not start on this machine: {text}", "free some space, or set RAY_TMPDIR elsewhere")
    if isinstance(error, OSError) and error.errno in (errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        return UserError(
            f"Ray did not start on this machine: {text}", "raise the limit (`ulimit -u`, `ulimit -n`) or free memory"
        )
    if any(word in text for word in _LATE_WORDS):
        load, cores = os.getloadavg()[0], os.cpu_count() or 1
        busy = f"the load is {load:.0f} on {cores} cores"
        return UserError(
            f"Ray did not start on this machine in time ({busy}): {text}",
            "start again when less is running here, or set RAY_ADDRESS to a cluster",
        )
    usual = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or _SHORT_FOLDERS[0]
    logs = "" if folder else f"the logs in {usual}/ray/session_latest/logs may say more; or "
    return UserError(f"Ray did not start on this machine: {text}", f"{logs}set RAY_ADDRESS to a cluster")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
