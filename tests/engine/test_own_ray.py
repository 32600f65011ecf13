"""Ray of our own: where its start would fail, a second try, and the cause in one sentence."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
import ray

from genre_batch.engine.own_ray import own_ray
from genre_batch.errors import UserError

RUN = """
import sys
import ray
from genre_batch.engine.cluster import connected
with connected() as cluster:
    assert cluster.own
    print(ray.get(ray.remote(num_cpus=0)(lambda: 6 * 7).remote()), file=sys.__stdout__)
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_starts_with_a_long_tmpdir_and_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * (120 - len(str(tmp_path))))
    folder.mkdir()
    assert len(str(folder)) >= 120
    environment = os.environ | {"TMPDIR": str(folder), "HOME": "/proc/nowhere", "RAY_ADDRESS": "local"}
    environment.pop("RAY_TMPDIR", None)
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr
    assert "error" not in done.stderr
    assert "warning" not in done.stderr


class Starts:
    """Stands in for `ray.init`: fails as asked, and leaves a process behind as Ray does."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls: list[dict[str, object]] = []
        self.left: list[subprocess.Popen[bytes]] = []

    def __call__(self, **arguments: object) -> None:
        self.calls.append(arguments)
        if self.failures:
            self.left.append(subprocess.Popen(["sleep", "600"]))
            raise self.failures.pop(0)


def starts(monkeypatch: pytest.MonkeyPatch, *failures: Exception) -> Starts:
    stand_in = Starts(*failures)
    monkeypatch.setattr(ray, "init", stand_in)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    return stand_in


def test_a_second_try_follows_the_first_and_nothing_of_it_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ray_starts = starts(monkeypatch, RuntimeError("the port was taken\nmore"))
    with own_ray():
        pass
    assert len(ray_starts.calls) == 2
    assert not psutil.pid_exists(ray_starts.left[0].pid) or ray_starts.left[0].poll() is not None
    assert "Ray did not start (the port was taken); trying again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "words", "remedy"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/ray"), "No space left", "free some space"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "temporarily unavailable", "ulimit"),
        (Exception("The current node timed out during startup."), "in time (the load is ", "less is running here"),
        (ValueError("no such thing"), "no such thing", "session_latest/logs"),
    ],
)
def test_the_cause_is_given_with_its_remedy(
    error: Exception, words: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts(monkeypatch, error, error)
    with pytest.raises(UserError) as ended, own_ray():
        pass
    assert ended.value.exit_code == 1
    assert str(ended.value).startswith("Ray did not start on this machine")
    assert words in str(ended.value)
    assert remedy in ended.value.hint
    assert "check RAY_ADDRESS" not in ended.value.hint


def test_the_environment_is_as_before_once_it_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ray_starts = starts(monkeypatch)
    monkeypatch.setenv("HOME", "/proc/nowhere")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / ("x" * 100)))
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    before = dict(os.environ)
    with own_ray():
        assert os.environ["RAY_AUTH_TOKEN"]
        folder = Path(str(ray_starts.calls[0]["_temp_dir"]))
        assert folder.is_dir()
        assert len(str(folder)) < 35
    assert dict(os.environ) == before
    assert not folder.exists()


def test_the_folder_that_the_user_names_need_not_exist_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    ray_starts = starts(monkeypatch)
    with tempfile.TemporaryDirectory(prefix="r-", dir="/tmp") as folder:  # a short path, whatever TMPDIR is
        monkeypatch.setenv("RAY_TMPDIR", f"{folder}/ray")
        with own_ray():
            assert ray_starts.calls[0]["_temp_dir"] is None


def test_without_any_usable_folder_the_error_says_which_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    starts(monkeypatch)
    monkeypatch.setattr("genre_batch.engine.own_ray._SHORT_FOLDERS", ("/proc/nowhere",))
    monkeypatch.setenv("RAY_TMPDIR", "/proc/nowhere")
    with pytest.raises(UserError, match="can hold its sockets") as ended, own_ray():
        pass
    assert "RAY_TMPDIR" in ended.value.hint
