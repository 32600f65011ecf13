"""The faults of a seed: their kinds, their frequency, and the poison tracks."""

import math
import random
from dataclasses import dataclass, field

from simulation.conditions import End, Fate
from two_stages import Role

from genre_batch.catalog.work_units import Batch

_DEADLINE_S = {Role.EXTRACT: 60.0, Role.PREDICT: 45.0}
_CALL_S = 2.0


@dataclass(frozen=True, slots=True)
class Chances:
    """The probability of each fault, mostly per call; `node_life_s` and `resized_after_s` are means.

    Faults of the second group are blamed on the current batch, so that tracks that are not poison may be rejected.
    """

    slow: float = 0.0
    late: float = 0.0
    doubled: float = 0.0
    node_life_s: float = math.inf
    slow_commits: float = 0.0
    resized_after_s: float = math.inf
    without_segments: float = 0.0

    crashes: float = 0.0
    raises: float = 0.0
    lost: float = 0.0
    very_late: float = 0.0
    cut: float = 0.0

    @property
    def blame(self) -> bool:
        """Whether faults may be blamed on innocent tracks."""
        return any((self.crashes, self.raises, self.lost, self.very_late, self.cut))


def draw_chances(rng: random.Random) -> Chances:
    """Draw which kinds of fault occur and how often, so that seeds differ in kind and not only in chance."""

    def some(chance: float) -> float:
        return rng.uniform(0.0, chance) if rng.random() < 0.5 else 0.0

    blameless = {
        "slow": some(0.3),
        "late": some(0.5),
        "doubled": some(0.5),
        # Machines that die after only a few calls would make every track a suspect.
        "node_life_s": rng.uniform(60, 600) if rng.random() < 0.5 else math.inf,
        "slow_commits": some(0.8),
        "resized_after_s": rng.uniform(30, 300) if rng.random() < 0.5 else math.inf,
        "without_segments": some(0.5),
    }
    if rng.random() < 0.4:
        return Chances(**blameless)
    return Chances(
        **blameless,
        crashes=some(0.1),
        raises=some(0.1),
        lost=some(0.1),
        very_late=some(0.1),
        cut=rng.choice((0.0, 1.0)),
    )


@dataclass(slots=True)
class Weather:
    """Random conditions. poison: the tracks that break an actor, with its role and how they break it.

    empty: tracks without segments, which no predict actor ever receives.
    """

    rng: random.Random
    chances: Chances
    poison: dict[int, tuple[Role, End]] = field(default_factory=dict)
    empty: frozenset[int] = frozenset()
    node_actors: int = 1

    def deadline_s(self, role: Role) -> float:
        """Longer than a slow call takes."""
        return _DEADLINE_S[role]

    def fate(self, role: Role, batch: Batch) -> Fate:
        """Decided by a poison track in the batch, else by chance."""
        work_s = self._work_s()
        for row in range(batch.start, batch.stop) if self.poison else ():
            if row in self.poison and self.poison[row][0] is role:
                return Fate(work_s, self.poison[row][1])
        if self._happens(self.chances.crashes):
            return Fate(work_s, End.KILLS)
        end = End.RAISES if self._happens(self.chances.raises) else End.ANSWERS
        return Fate(work_s, end, self._delays_s(role))

    def scorable(self, batch: Batch) -> int:
        """All tracks except the empty ones."""
        return sum(row not in self.empty for row in range(batch.start, batch.stop))

    def start_s(self) -> float:
        """Up to half a minute."""
        return self.rng.uniform(0.0, 30.0)

    def again_s(self) -> float | None:
        """Up to 15 s, if answers are doubled."""
        return self.rng.uniform(0.0, 15.0) if self._happens(self.chances.doubled) else None

    def node_life_s(self) -> float:
        """Exponential: machines do not age."""
        mean_s = self.chances.node_life_s
        return self.rng.expovariate(1.0 / mean_s) if mean_s < math.inf else math.inf

    def node_pace(self) -> float:
        """1: calls are slow here, not machines."""
        return 1.0

    def node_is_cut(self) -> bool:
        """Half of the machines, if the seed has cut links."""
        return self._happens(self.chances.cut / 2)

    def notice_s(self, *, cut: bool) -> float:
        """At once, or after a health check, which may be later than the deadline."""
        return self.rng.uniform(20.0, 120.0) if cut else self.rng.uniform(0.0, 1.0)

    def commit_s(self) -> float:
        """A fraction of a second, or a minute or more."""
        return self.rng.expovariate(1 / 60.0 if self._happens(self.chances.slow_commits) else 5.0)

    def resized_after_s(self) -> float:
        """Seconds until the pools are resized next."""
        return self.rng.expovariate(1.0 / self.chances.resized_after_s)

    def _work_s(self) -> float:
        # Far below the deadline: a slow call must not be blamed.
        work_s = min(self.rng.expovariate(1 / _CALL_S), 4 * _CALL_S)
        return work_s * 4 if self._happens(self.chances.slow) else work_s

    def _delays_s(self, role: Role) -> tuple[float, ...]:
        if self._happens(self.chances.lost):
            return ()
        delay_s = 0.0
        if self._happens(self.chances.very_late):
            delay_s = self.rng.uniform(0.0, 3 * _DEADLINE_S[role])
        elif self._happens(self.chances.late):
            delay_s = self.rng.uniform(0.0, _CALL_S * 2)
        return (delay_s, delay_s + self.rng.uniform(0.0, 30.0)) if self._happens(self.chances.doubled) else (delay_s,)

    def _happens(self, chance: float) -> bool:
        return chance > 0.0 and self.rng.random() < chance
