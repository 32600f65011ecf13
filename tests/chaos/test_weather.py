from collections import Counter

import pytest
from chaos.weather import Fault, strikes

SEEDS = range(600)


@pytest.mark.parametrize("seed", [0, 17, 199])
def test_a_seed_decides_everything(seed: int) -> None:
    assert strikes(seed) == strikes(seed)
    assert strikes(seed) != strikes(seed + 6)


def test_six_rounds_in_a_row_see_every_fault() -> None:
    for first in range(0, 60, 7):
        assert {strike.fault for seed in range(first, first + 6) for strike in strikes(seed)} == set(Fault)


def test_strikes_fall_in_order_and_before_the_end() -> None:
    for seed in SEEDS:
        shares = [strike.after for strike in strikes(seed)]
        assert shares == sorted(shares)
        assert all(0 <= share <= 0.8 for share in shares)


def test_no_round_kills_often_enough_that_a_track_could_be_given_up() -> None:
    """Two deaths split a batch, two more give a track up."""
    for seed in SEEDS:
        kinds = Counter(strike.fault for strike in strikes(seed))
        assert 1 <= kinds.total() < 4


def test_faults_come_before_the_first_commit_too_but_blocks_are_lost_where_there_are_some() -> None:
    for fault in Fault:
        early = [strike.after == 0.0 for seed in SEEDS for strike in strikes(seed) if strike.fault is fault]
        assert 0.2 < sum(early) / len(early) < 0.5 or (fault is Fault.BLOCKS and not any(early))
