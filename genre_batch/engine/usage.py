"""What a run uses of machines and storage."""

import time
from copy import copy
from dataclasses import dataclass, field

import psutil

from genre_batch.stages.stage import StageReport


@dataclass
class Usage:
    """What this process's share of a run has used since this object was made.

    tracks: those it committed. cpu_s: CPU seconds of all processes, Ray included, if this process started Ray; on a
    shared cluster, those of this process and those that the actors report. cost: by the price list; 0 without one.
    """

    tracks: int = 0
    bytes_read: int = 0
    reads: int = 0
    actors_cpu_s: float = 0.0
    cpu_s: float = 0.0
    cost: float = 0.0
    first_sent_s: float | None = None
    last_commit_s: float | None = None
    made_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._tree_start_cpu_s, self._start_cpu_s = _tree_cpu_s(), time.process_time()

    @property
    def start_s(self) -> float:
        """Seconds from the start until the first batch was sent; 0 if none was."""
        return 0.0 if self.first_sent_s is None else self.first_sent_s - self.made_s

    @property
    def work_s(self) -> float:
        """Seconds from the first batch sent to the last commit; 0 if there was none."""
        if self.first_sent_s is None or self.last_commit_s is None:
            return 0.0
        return self.last_commit_s - self.first_sent_s

    def add(self, report: StageReport) -> None:
        """Count one call to an actor."""
        self.actors_cpu_s += report.cpu_s
        self.bytes_read += report.bytes_read
        self.reads += report.reads

    def sent(self) -> None:
        """Note that a batch is sent."""
        if self.first_sent_s is None:
            self.first_sent_s = time.monotonic()

    def committed(self, tracks: int) -> None:
        """Count the tracks of a committed part."""
        self.tracks += tracks
        self.last_commit_s = time.monotonic()

    def of_run(self, tracks: int) -> "Usage":
        """The usage of a shared pass, for one of its runs, which committed `tracks` tracks."""
        of_run = copy(self)
        of_run.tracks = tracks
        return of_run

    def close(self, *, own_cluster: bool) -> None:
        """Take the final CPU reading, while all processes are still alive."""
        if own_cluster:
            self.cpu_s = _tree_cpu_s() - self._tree_start_cpu_s
        else:
            self.cpu_s = time.process_time() - self._start_cpu_s + self.actors_cpu_s


def _tree_cpu_s() -> float:
    """CPU seconds of this process and of all its descendants, ended ones included."""
    return sum(_cpu_s(process) for process in [psutil.Process(), *psutil.Process().children(recursive=True)])


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
