"""What the kernel says about a child process: how much it has worked, and whether it does."""

import time
from pathlib import Path

from genre_batch.decode.sandbox_wire import PeerGone

_PROCESS_CLOCK = 2
_STILL = frozenset("STtZX")


class ChildClock:
    """The clock of the process `pid`. Its methods raise PeerGone when there is none."""

    def __init__(self, pid: int) -> None:
        self._id = ~pid << 3 | _PROCESS_CLOCK  # as clock_getcpuclockid(3) makes it
        self._stat = Path(f"/proc/{pid}/stat")

    def cpu_s(self) -> float:
        """CPU seconds that the process has used so far, in all its threads."""
        try:
            return time.clock_gettime(self._id)
        except OSError as error:
            raise PeerGone from error

    def sleeps(self) -> bool:
        """Whether it waits or is stopped, rather than running, ready to run, or waiting for a disk."""
        try:
            return self._stat.read_text().rpartition(") ")[2][:1] in _STILL
        except OSError as error:
            raise PeerGone from error
