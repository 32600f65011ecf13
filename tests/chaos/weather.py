"""What goes wrong in a round, and when: decided by its seed alone."""

import random
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Something that happens to the processes of a run."""

    WORKER = "worker killed"
    NODE = "node killed"
    BLOCKS = "node with blocks killed"
    CUT = "link cut for good"
    FLAP = "link cut for seconds"
    DRIVER = "driver killed"


_OFTEN = {Fault.WORKER: 4, Fault.NODE: 2, Fault.BLOCKS: 1, Fault.CUT: 1, Fault.FLAP: 1, Fault.DRIVER: 1}
_WHEN = dict.fromkeys(Fault, (0.0, 0.8)) | {Fault.BLOCKS: (0.05, 0.3)}
"""The share of tracks with an outcome between which a fault strikes: blocks gather only while much is left to do."""
_MOST_A_ROUND = 3


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: `wait_s` after the share `after` of the tracks has an outcome, on victim `pick` of 0 to 1.

    mend_s: seconds until a machine is replaced or a link is mended.
    """

    fault: Fault
    after: float
    wait_s: float
    pick: float
    mend_s: float


def strikes(seed: int) -> tuple[Strike, ...]:
    """One to three strikes in their order; the first kind follows the seed, so that six rounds in a row see them all.

    No track can be given up for that: it takes two deaths with the batch in hand and two more with the track alone.
    """
    weather = random.Random(seed)
    kinds = [list(Fault)[seed % len(Fault)]]
    kinds += weather.choices(list(_OFTEN), list(_OFTEN.values()), k=weather.randrange(_MOST_A_ROUND))
    drawn = [_strike(fault, weather) for fault in kinds]
    return tuple(sorted(drawn, key=lambda strike: strike.after))


def _strike(fault: Fault, weather: random.Random) -> Strike:
    # a third strikes before anything is done: while plans are made, actors start and first batches are out
    after = weather.uniform(*_WHEN[fault])
    if fault is not Fault.BLOCKS and weather.random() < 1 / 3:
        after = 0.0
    longest_wait_s = 8.0 if fault is Fault.DRIVER and after == 0.0 else 0.4
    return Strike(fault, after, weather.uniform(0, longest_wait_s), weather.random(), weather.uniform(0.5, 4.0))
