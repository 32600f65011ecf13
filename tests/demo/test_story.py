"""Parts of the demo's story; `test_demo.py` tells it whole."""

import subprocess
import sys
import time
from pathlib import Path

import psutil

from genre_batch.demo.story import commits_of, kill, style_of
from genre_batch.storage.local import LocalStore


def test_a_track_s_style_is_its_folder() -> None:
    assert style_of("s3://genre-batch-demo/music/drone/drone-00.wav") == "drone"


def test_killing_a_driver_kills_what_it_started_and_a_finished_one_is_left_alone() -> None:
    program = "import subprocess, sys, time; subprocess.Popen(['sleep', '100']); print(flush=True); time.sleep(100)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as driver:
        assert driver.stdout is not None
        driver.stdout.readline()
        (child,) = psutil.Process(driver.pid).children()
        assert kill(driver)
        assert driver.returncode == -9
        assert not kill(driver)
        # init may take its time to reap the child; until it is dead, this waits
        while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)


def test_commits_are_counted_over_all_runs(tmp_path: Path) -> None:
    for name in ("a/commits/0.json", "b/commits/1.json", "b/plan.json"):
        LocalStore().write(f"{tmp_path}/_runs/{name}", b"{}")
    assert commits_of(str(tmp_path)) == 2
