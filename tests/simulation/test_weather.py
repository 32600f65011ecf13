"""Seeds differ in the kinds of their faults, and poison tracks have the effect they are given."""

import random

from simulation.conditions import End
from simulation.weather import Chances, Weather, draw_chances
from two_stages import Role

from genre_batch.catalog.work_units import Batch


def test_each_kind_of_fault_occurs_in_some_seeds_and_not_in_others() -> None:
    drawn = [draw_chances(random.Random(seed)) for seed in range(200)]
    for kind in Chances.__dataclass_fields__:
        count = sum(getattr(chances, kind) not in (0.0, float("inf")) for chances in drawn)
        assert 30 < count < 170, kind
    assert 60 < sum(chances.blame for chances in drawn) < 170


def test_poison_breaks_only_actors_of_its_role_and_only_its_own_batch() -> None:
    weather = Weather(random.Random(1), Chances(), {5: (Role.PREDICT, End.HANGS)})
    assert weather.fate(Role.PREDICT, Batch(0, 4, 8)).end is End.HANGS
    assert weather.fate(Role.EXTRACT, Batch(0, 4, 8)).end is End.ANSWERS
    assert weather.fate(Role.PREDICT, Batch(0, 6, 8)).end is End.ANSWERS


def test_answers_are_lost_late_and_doubled_with_the_given_probabilities() -> None:
    weather = Weather(random.Random(1), Chances(lost=0.2, late=0.5, doubled=0.3))
    delays = [weather.fate(Role.EXTRACT, Batch(0, 0, 1)).delays_s for _ in range(5000)]
    arrived = [each for each in delays if each]
    assert abs(1 - len(arrived) / len(delays) - 0.2) < 0.03
    assert abs(sum(each[0] > 0 for each in arrived) / len(arrived) - 0.5) < 0.03
    assert abs(sum(len(each) == 2 for each in arrived) / len(arrived) - 0.3) < 0.03
    assert all(each[-1] >= each[0] for each in arrived)
