"""Many rounds on one cluster, and what came of them all."""

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

from genre_batch.config import VerifyConfig
from genre_batch.verify.verification import verify

_CALM_EVERY = 10


@dataclass
class Tally:
    """Sums over all rounds so far; times in seconds."""

    rounds: int = 0
    tracks: int = 0
    lost: int = 0
    doubled: int = 0
    differing: int = 0
    false_rejects: int = 0
    damage: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    heard: Counter[str] = field(default_factory=Counter)
    driver_starts: int = 0
    failures: list[str] = field(default_factory=list)
    calm_s: list[float] = field(default_factory=list)
    stormy_s: list[float] = field(default_factory=list)

    @property
    def slow_down(self) -> float:
        """The median round against the median run without a fault."""
        return statistics.median(self.stormy_s) / statistics.median(self.calm_s) if self.stormy_s else 1.0


class Campaign:
    """Rounds over one catalog of `tracks` tracks in `folder`, each against the table of a run without a fault."""

    def __init__(self, folder: Path, network: Network, tracks: int, workers: int = 2) -> None:
        self.tally = Tally()
        self._folder, self._tracks = folder, tracks
        write_small_bundle(folder / "bundle")
        write_music(folder / "music", tracks)
        self._machines = Machines(network, folder, workers)
        self._expected: Table | None = None

    def run(self, seeds: range, within_s: float) -> Tally:
        """Run the rounds of `seeds`, and a calm one before every so many; none is begun after `within_s` seconds.

        A round that fails is told and counted.
        """
        stop_s = time.monotonic() + within_s
        try:
            for place, seed in enumerate(seeds):
                if time.monotonic() > stop_s:
                    break
                if place % _CALM_EVERY == 0:
                    self._calm(place)
                self._round(seed)
        finally:
            self._machines.close()
        return self.tally

    def _calm(self, place: int) -> None:
        job = self._job(f"calm-{place}")
        if self._expected is None:
            # the first run of a cluster loads what the others find in the page cache
            Round(self._machines, self._job("first"), self._tracks, ()).run()
        self.tally.calm_s.append(Round(self._machines, job, self._tracks, ()).run())
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
        self.tally.heard.update(job.troubles())
        self.tally.driver_starts += job.starts
        _tell(seed, ended, storm, job)

    def _check(self, job: Job) -> None:
        assert self._expected
        counts = job.counts()
        # a driver that is started after another was killed with its work done has nothing to do
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


def _tell(seed: int, ended: str, storm: Round, job: Job) -> None:
    struck = ", ".join(f"{count} {fault}" for fault, count in storm.struck.items()) or "nothing"
    heard = ", ".join(f"{count} {kind}" for kind, count in sorted(job.troubles().items())) or "nothing"
    sys.stderr.write(f"seed {seed}: {ended}; {struck}; heard {heard}\n")
