"""What the kernel says about processes, of real ones."""

import subprocess
import sys
import time

import pytest

from genre_batch.decode.child_clock import ChildClock
from genre_batch.decode.sandbox_wire import PeerGone

WORK = "while True: pass"
SLEEP = "import sys; print(flush=True); sys.stdin.read()"


def test_a_process_that_works_uses_cpu_time_and_does_not_sleep() -> None:
    with subprocess.Popen([sys.executable, "-c", WORK]) as process:
        clock = ChildClock(process.pid)
        before_s, end = clock.cpu_s(), time.monotonic() + 60.0
        while clock.cpu_s() < before_s + 0.2 and time.monotonic() < end:
            pass
        assert clock.cpu_s() >= before_s + 0.2
        assert not clock.sleeps()
        process.kill()


def test_a_process_that_waits_sleeps_and_one_that_has_gone_is_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEP], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        clock = ChildClock(process.pid)
        process.stdout.readline()
        end = time.monotonic() + 60.0
        while not clock.sleeps() and time.monotonic() < end:
            pass
        assert clock.sleeps()
    for ask in (clock.cpu_s, clock.sleeps):
        with pytest.raises(PeerGone):
            ask()
