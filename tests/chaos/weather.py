"""The faults of a round and their times, determined by its seed."""

import random
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """A fault that strikes the processes of a run."""

    WORKER = "worker killed"
    NODE = "node killed"
    BLOCKS = "node with blocks killed"
    CUT = "link cut for good"
    FLAP = "link cut for seconds"
    DRIVER = "driver killed"


_OFTEN = {Fault.WORKER: 4, Fault.NODE: 2, Fault.BLOCKS: 1, Fault.CUT: 1, Fault.FLAP: 1, Fault.DRIVER: 1}
_WHEN = dict.fromkeys(Fault, (0.0, 0.8)) | {Fault.BLOCKS: (0.05, 0.3)}
"""The range of progress, as a share of all tracks, in which a fault strikes. Blocks gather only early in a run."""
_MOST_A_ROUND = 3


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault. It strikes `wait_s` seconds after the share `after` of all tracks has an outcome.

    pick: the victim, from 0 for the first to 1 for the last. mend_s: seconds until a machine is replaced or a link
    restored.
    """

    fault: Fault
    after: float
    wait_s: float
    pick: float
    mend_s: float


def strikes(seed: int) -> tuple[Strike, ...]:
    """One to three strikes in order. One of the faults follows from the seed, so that six consecutive rounds have all.

    They cannot reject a track: that takes two deaths during its batch, and two more during the track alone.
    """
    weather = random.Random(seed)
    kinds = [list(Fault)[seed % len(Fault)]]
    kinds += weather.choices(list(_OFTEN), list(_OFTEN.values()), k=weather.randrange(_MOST_A_ROUND))
    drawn = [_strike(fault, weather) for fault in kinds]
    return tuple(sorted(drawn, key=lambda strike: strike.after))


def _strike(fault: Fault, weather: random.Random) -> Strike:
    # a third strike before any outcome: during planning, the start of the actors and the first batches
    after = weather.uniform(*_WHEN[fault])
    if fault is not Fault.BLOCKS and weather.random() < 1 / 3:
        after = 0.0
    longest_wait_s = 8.0 if fault is Fault.DRIVER and after == 0.0 else 0.4
    return Strike(fault, after, weather.uniform(0, longest_wait_s), weather.random(), weather.uniform(0.5, 4.0))
