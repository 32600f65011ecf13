"""Many chaos rounds on one cluster, and the totals over them."""

import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from chaos.catalog import write_music, write_small_bundle
from chaos.job import Job
from chaos.machines import Machines
from chaos.network import Network
from chaos.round import Round
from chaos.tables import Table, compare, read
from chaos.weather import strikes

from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import VerifyConfig

_QUIET_EVERY = 10


@dataclass
class Tally:
    """Totals over all rounds so far.

    missed: faults that found no victim. events: what the drivers logged, by kind. quiet_s, stormy_s: seconds of each
    run without faults and of each round.
    """

    rounds: int = 0
    tracks: int = 0
    lost: int = 0
    doubled: int = 0
    differing: int = 0
    false_rejects: int = 0
    damage: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    events: Counter[str] = field(default_factory=Counter)
    driver_starts: int = 0
    failures: list[str] = field(default_factory=list)
    quiet_s: list[float] = field(default_factory=list)
    stormy_s: list[float] = field(default_factory=list)

    @property
    def slow_down(self) -> float:
        """How many times longer the median round takes than the median run without faults."""
        return statistics.median(self.stormy_s) / statistics.median(self.quiet_s) if self.stormy_s else 1.0


class Campaign:
    """Rounds over one catalog of `tracks` tracks in `folder`, each compared with a run without faults."""

    def __init__(self, folder: Path, network: Network, tracks: int, workers: int = 2) -> None:
        self.tally = Tally()
        self._folder, self._tracks = folder, tracks
        write_small_bundle(folder / "bundle")
        write_music(folder / "music", tracks)
        self._machines = Machines(network, folder, workers)
        self._expected: Table | None = None

    def run(self, seeds: range, within_s: float) -> Tally:
        """Run the rounds of `seeds`, with a run without faults before every tenth. No round starts after `within_s`.

        A round that fails is reported and counted.
        """
        stop_s = time.monotonic() + within_s
        try:
            for place, seed in enumerate(seeds):
                if time.monotonic() > stop_s:
                    break
                if place % _QUIET_EVERY == 0:
                    self._run_without_faults(place)
                self._round(seed)
        finally:
            self._machines.close()
        return self.tally

    def _run_without_faults(self, place: int) -> None:
        job = self._job(f"quiet-{place}")
        if self._expected is None:
            # a warm-up: the first run of a cluster fills the page cache for the others
            Round(self._machines, self._job("first"), self._tracks, ()).run()
        self.tally.quiet_s.append(Round(self._machines, job, self._tracks, ()).run())
        self._expected = self._expected or read(job.output)
        assert read(job.output) == self._expected

    def _round(self, seed: int) -> None:
        job = self._job(f"seed-{seed}")
        weather = strikes(seed)
        storm = Round(self._machines, job, self._tracks, weather)
        try:
            took_s = storm.run()
            self._check(job)
            self.tally.stormy_s.append(took_s)
            ended = f"{took_s:5.1f} s"
        except Exception as error:  # noqa: BLE001
            self.tally.failures.append(f"seed {seed}: {error}")
            ended = f"FAILED: {error}"
        self.tally.rounds += 1
        self.tally.faults.update({fault.value: count for fault, count in storm.struck.items()})
        self.tally.missed += len(weather) - storm.struck.total()
        self.tally.events.update(job.events())
        self.tally.driver_starts += job.starts
        _report(seed, ended, storm, job)

    def _check(self, job: Job) -> None:
        assert self._expected
        counts = job.counts()
        # a driver has nothing to do if the one before it was killed after finishing the work
        assert counts["listed"] == counts["scored"] + counts["rejected"] + counts["skipped"] == self._tracks, counts
        difference = compare(self._expected, read(job.output))
        self.tally.tracks += self._tracks
        self.tally.lost += difference.lost
        self.tally.doubled += difference.doubled
        self.tally.differing += difference.differing
        self.tally.false_rejects += difference.false_rejects
        self.tally.damage += verify(VerifyConfig(output=str(job.output))).damage

    def _job(self, name: str) -> Job:
        return Job(self._folder, self._folder / name, self._machines.address)


def _report(seed: int, ended: str, storm: Round, job: Job) -> None:
    struck = ", ".join(f"{count} {fault}" for fault, count in storm.struck.items()) or "none"
    events = ", ".join(f"{count} {kind}" for kind, count in sorted(job.events().items())) or "none"
    sys.stderr.write(f"seed {seed}: {ended}; faults: {struck}; events: {events}\n")
