"""`benchmarks/gpu_check.py`: what it judges, and that all of its steps end in time. Its steps are rehearsed by hand."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks import gpu_check
from benchmarks.gpu_check import Figures, in_time, judged


def speed(tracks_per_s: float, batch_segments: int | str = "default", compiled: str = "none") -> Figures:
    return {"batch_segments": batch_segments, "compile": compiled, "tracks_per_s": tracks_per_s}


@pytest.mark.parametrize(("own", "reaches"), [(19_999.0, False), (20_000.0, True)])
def test_the_aim_is_for_the_predictor_as_it_is_shipped(own: float, reaches: bool) -> None:
    found = judged([speed(9_000.0), speed(own), speed(50_000.0, 1024), speed(60_000.0, compiled="reduce-overhead")])
    assert found["shipped_reaches_the_aim"] is reaches
    assert found["shipped"] == speed(own)
    assert found["fastest"] == speed(60_000.0, compiled="reduce-overhead")


@pytest.mark.parametrize(("own", "well"), [(1_000.0, False), (21_000.0, True)])
def test_a_predictor_that_is_too_slow_is_a_failure_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch, own: float, well: bool
) -> None:
    monkeypatch.setattr(gpu_check, "speeds", lambda *_: {"runs": [speed(own)], **judged([speed(own)])})
    check = gpu_check.Check("default", "cuda", 1, 1, (1,), (1,), 1, 1, 0.0)
    assert gpu_check.predictor(check)[0] is well


def test_a_step_and_its_children_are_ended_when_the_time_is_over(tmp_path: Path) -> None:
    child = tmp_path / "child"
    program = (
        "import pathlib, subprocess, sys; "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
        f"pathlib.Path({str(child)!r}).write_text(str(child.pid)); child.wait()"
    )
    found = in_time("run", [sys.executable, "-c", program], time.monotonic() + 5.0)
    assert (found["well"], found["error"]) == (False, "the time was over before it ended")
    pid, until_s = int(child.read_text()), time.monotonic() + 30.0
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until_s
        time.sleep(0.05)


def test_a_step_that_has_no_time_left_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("it began"))
    assert in_time("run", [], time.monotonic() - 1.0)["well"] is False


def test_what_a_step_prints_is_kept_and_what_dies_is_a_failure() -> None:
    ends_s = time.monotonic() + 60.0
    good = in_time("run", [sys.executable, "-c", 'print(\'{"well": true, "tracks": 3}\')'], ends_s)
    assert (good["well"], good["tracks"]) == (True, 3)
    assert in_time("run", [sys.executable, "-c", "raise SystemExit(7)"], ends_s)["error"] == "exit code 7"
