"""One round: a run over the catalog under scheduled faults, until a driver reports that the run is finished."""

import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import psutil
from chaos.job import Job
from chaos.machines import Machine, Machines
from chaos.processes import extracting, send
from chaos.weather import Fault, Strike
from two_stages import Role

_LOOK_EVERY_S = 0.02
_LONGEST_S = 300.0
_BLOCKS_TAKE_S = 0.5
_LONGEST_GATHERING_S = 10.0
_FILL_EVERY_S = 10.0
_CUT_MENDS_AFTER_S = 20.0
"""Longer than Ray takes to notice, so that a machine comes back after Ray has given it up."""

Victim = TypeVar("Victim", Machine, psutil.Process)


@dataclass
class Round:
    """A job under scheduled strikes. struck: the strikes that found a victim, by fault."""

    machines: Machines
    job: Job
    tracks: int
    strikes: tuple[Strike, ...]
    struck: Counter[Fault] = field(default_factory=Counter)

    def run(self) -> float:
        """Seconds until the run was finished. Raises RunFailed, or TimeoutError if the run hangs."""
        start_s = time.monotonic()
        self._due: list[tuple[float, Callable[[], None]]] = []
        waiting, ripe_s = list(self.strikes), float("inf")
        self._later(_FILL_EVERY_S, self._fill)
        try:
            self.job.start()
            while not self.job.done:
                now_s = time.monotonic()
                if now_s - start_s > _LONGEST_S:
                    raise TimeoutError(f"not finished after {_LONGEST_S:g} s: {self.job.tracks_done} tracks are done")
                self._run_due(now_s)
                if waiting and self.job.tracks_done >= waiting[0].after * self.tracks:
                    ripe_s = min(ripe_s, now_s + waiting[0].wait_s)
                if now_s >= ripe_s and self._strike(waiting[0]):
                    self.struck[waiting.pop(0).fault] += 1
                    ripe_s = float("inf")
                time.sleep(_LOOK_EVERY_S)
            return time.monotonic() - start_s
        finally:
            self.job.close()
            self.machines.heal()

    def _run_due(self, now_s: float) -> None:
        for due in [due for due in self._due if due[0] <= now_s]:
            self._due.remove(due)
            due[1]()

    def _fill(self) -> None:
        """Replace machines that exited by themselves, such as a reconnected one that Ray had given up."""
        self.machines.fill()
        self._later(_FILL_EVERY_S, self._fill)

    def _later(self, wait_s: float, action: Callable[[], None]) -> None:
        self._due.append((time.monotonic() + wait_s, action))

    def _strike(self, strike: Strike) -> bool:
        """Apply a fault. Returns whether it found a victim."""
        match strike.fault:
            case Fault.DRIVER:
                self.job.kill()
                return True
            case Fault.WORKER:
                return self._kill_worker(strike)
            case Fault.NODE | Fault.BLOCKS:
                return self._kill_node(strike)
            case Fault.CUT | Fault.FLAP:
                return self._cut(strike)

    def _kill_worker(self, strike: Strike) -> bool:
        victim = _picked([actor for role in Role for actor in self.machines.actors(role)], strike.pick)
        if victim:
            send([victim], signal.SIGKILL)
        return victim is not None

    def _kill_node(self, strike: Strike) -> bool:
        predictors = self.machines.actors(Role.PREDICT) if strike.fault is Fault.BLOCKS else []
        machines = self._at_work()
        if strike.fault is Fault.BLOCKS:
            machines = [each for each in machines if len(self.machines.actors(Role.PREDICT, each)) < len(predictors)]
        victim = _picked(machines, strike.pick)
        if victim is None:
            return False
        if strike.fault is Fault.BLOCKS:
            send(predictors, signal.SIGSTOP)
            self._let_blocks_gather()
        self.machines.switch_off(victim)
        send(predictors, signal.SIGCONT)
        self._later(strike.mend_s, self.machines.fill)
        return True

    def _let_blocks_gather(self) -> None:
        """Wait until extraction pauses because too many blocks are waiting for the stopped predict actors."""
        start_s = time.monotonic()
        time.sleep(_BLOCKS_TAKE_S)
        while any(map(extracting, self.machines.actors(Role.EXTRACT))):
            if time.monotonic() - start_s > _LONGEST_GATHERING_S:
                return
            time.sleep(_LOOK_EVERY_S)

    def _cut(self, strike: Strike) -> bool:
        victim = _picked(self._at_work(), strike.pick)
        if victim is None:
            return False
        self.machines.cut(victim)
        if strike.fault is Fault.CUT:
            self.machines.lose(victim)
            self._later(strike.mend_s, self.machines.fill)
        mend_s = _CUT_MENDS_AFTER_S if strike.fault is Fault.CUT else strike.mend_s
        self._later(mend_s, lambda: self.machines.mend(victim))
        return True

    def _at_work(self) -> list[Machine]:
        """The machines that have an extract actor and a working link."""
        machines = [machine for machine in self.machines.workers if not machine.silent]
        return [machine for machine in machines if self.machines.actors(Role.EXTRACT, machine)]


def _picked(victims: list[Victim], pick: float) -> Victim | None:
    return victims[int(pick * len(victims))] if victims else None
