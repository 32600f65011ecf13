"""A run on a cluster that grows: all machines that it can use start at once, and end after it."""

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import audio_samples
import psutil
import pytest
from submitted_jobs import Head, head_node, submit_command
from table_checks import rows

pytestmark = [pytest.mark.soak, pytest.mark.timeout(590)]

WAITING = 4
"""So many actors wait for room at a time. They alone would start no more machines at once."""
MACHINES = 9
TRACKS = 7 * MACHINES
CHANGED_WITHIN_S = 120.0


@pytest.fixture
def folder() -> Iterator[Path]:
    # a short path, because Ray's sockets lie below it
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture
def head(folder: Path) -> Iterator[Head]:
    with head_node(folder, cpus=0, machines=MACHINES) as node:
        yield node


def machines(head: Head) -> int:
    """How many machines the autoscaler has started."""
    found = 0
    for process in head.process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found += process.name() == "raylet"
    return found - 1


def wait_for_machines(head: Head, count: int) -> None:
    """Wait until there are so many. The head itself may come up later than its job server."""
    end_s = time.monotonic() + CHANGED_WITHIN_S
    while machines(head) != count:
        assert time.monotonic() < end_s, machines(head)
        time.sleep(0.5)


def test_all_machines_are_started_at_once_and_end_after_the_run(head: Head, folder: Path, tmp_path: Path) -> None:
    music, output = tmp_path / "in", tmp_path / "out"
    music.mkdir()
    for number in range(TRACKS):
        sound = audio_samples.chirp(20, 22_050, seed=number)
        (music / f"{number:03d}.wav").write_bytes(audio_samples.encode(sound, 22_050, "wav"))
    wait_for_machines(head, 0)
    settings = [f"source={music}", f"output={output}", "bundle=cheap", "predict.placement=fused"]
    # the work here is worth a machine for each batch only if a machine is worth little
    program = f"from genre_batch.engine import ramp; ramp.WORTH_S = {TRACKS * 0.1 / MACHINES}; "
    program += "import sys; from genre_batch.__main__ import main; main(['score', *sys.argv[1:]])"
    job = ["python", "-c", program, *(word for each in settings for word in ("--set", each))]
    done = subprocess.run(submit_command(head, *job), env=head.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert len(rows(output, "scores")) == TRACKS
    log = (folder / "session_latest" / "logs" / "monitor.log").read_text()
    queued = list(map(int, re.findall(r"Queue (\d+) new nodes for launch", log)))
    assert sum(queued) >= MACHINES  # on a busy computer, some do not come up in time and are started again
    assert max(queued) > WAITING
    wait_for_machines(head, 0)
