"""Seeds differ in kind; poison does what it says."""

import random

from genre_batch.catalog.shards import Batch
from genre_batch.schedule.events import Role
from genre_batch.schedule.simulation.conditions import End
from genre_batch.schedule.simulation.weather import Chances, Weather, draw_chances


def test_each_kind_of_fault_is_in_some_seeds_and_missing_in_others() -> None:
    drawn = [draw_chances(random.Random(seed)) for seed in range(200)]
    for kind in Chances.__dataclass_fields__:
        there = sum(getattr(chances, kind) not in (0.0, float("inf")) for chances in drawn)
        assert 30 < there < 170, kind
    assert 60 < sum(chances.blame for chances in drawn) < 170


def test_poison_breaks_the_role_it_is_poison_for_and_no_other_batch() -> None:
    weather = Weather(random.Random(1), Chances(), {5: (Role.PREDICT, End.HANGS)})
    assert weather.fate(Role.PREDICT, Batch(0, 4, 8)).end is End.HANGS
    assert weather.fate(Role.EXTRACT, Batch(0, 4, 8)).end is End.ANSWERS
    assert weather.fate(Role.PREDICT, Batch(0, 6, 8)).end is End.ANSWERS


def test_answers_are_lost_late_and_doubled_as_often_as_asked() -> None:
    weather = Weather(random.Random(1), Chances(lost=0.2, late=0.5, doubled=0.3))
    delays = [weather.fate(Role.EXTRACT, Batch(0, 0, 1)).delays_s for _ in range(5000)]
    heard = [each for each in delays if each]
    assert abs(1 - len(heard) / len(delays) - 0.2) < 0.03
    assert abs(sum(each[0] > 0 for each in heard) / len(heard) - 0.5) < 0.03
    assert abs(sum(len(each) == 2 for each in heard) / len(heard) - 0.3) < 0.03
    assert all(each[-1] >= each[0] for each in heard)
