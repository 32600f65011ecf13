"""The schedule of faults for a round."""

import pytest
from chaos.weather import Fault, strikes

SEEDS = range(600)


@pytest.mark.parametrize("seed", [0, 17, 199])
def test_a_seed_determines_all_strikes(seed: int) -> None:
    assert strikes(seed) == strikes(seed)
    assert strikes(seed) != strikes(seed + 6)


def test_any_six_consecutive_rounds_have_every_fault() -> None:
    for first in range(0, 60, 7):
        assert {strike.fault for seed in range(first, first + 6) for strike in strikes(seed)} == set(Fault)


def test_strikes_are_ordered_and_come_before_the_end() -> None:
    for seed in SEEDS:
        shares = [strike.after for strike in strikes(seed)]
        assert shares == sorted(shares)
        assert all(0 <= share <= 0.8 for share in shares)


def test_no_round_has_enough_deaths_to_reject_a_track() -> None:
    """Two deaths split a batch, and two more reject a track."""
    assert {len(strikes(seed)) for seed in SEEDS} == {1, 2, 3}


def test_every_fault_but_the_loss_of_blocks_may_strike_before_the_first_commit() -> None:
    """Blocks can be lost only after some were made."""
    for fault in Fault:
        early = [strike.after == 0.0 for seed in SEEDS for strike in strikes(seed) if strike.fault is fault]
        assert 0.2 < sum(early) / len(early) < 0.5 or (fault is Fault.BLOCKS and not any(early))
