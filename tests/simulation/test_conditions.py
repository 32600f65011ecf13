"""Properties that all conditions must have."""

import random

import pytest
from simulation.conditions import Conditions
from simulation.fleet import Fleet, Workload
from simulation.weather import Weather, draw_chances
from two_stages import Role

from genre_batch.catalog.work_units import Batch

CONDITIONS: list[Conditions] = [
    Fleet(Workload(), 10, seed=1),
    *(Weather(random.Random(seed), draw_chances(random.Random(seed)), empty=frozenset({3})) for seed in range(5)),
]


@pytest.mark.parametrize("conditions", CONDITIONS, ids=lambda conditions: type(conditions).__name__)
def test_no_time_is_negative_and_work_alone_never_exceeds_the_deadline(conditions: Conditions) -> None:
    batch = Batch(0, 0, 8)
    for role in Role:
        fates = [conditions.fate(role, batch) for _ in range(500)]
        assert all(0.0 < fate.work_s < conditions.deadline_s(role) for fate in fates)
        assert all(delay_s >= 0.0 for fate in fates for delay_s in fate.delays_s)
    for _ in range(100):
        assert conditions.start_s() >= 0.0
        assert conditions.node_life_s() > 0.0
        assert conditions.node_pace() >= 1.0
        assert conditions.commit_s() > 0.0
        assert conditions.notice_s(cut=False) <= 1.0 < conditions.notice_s(cut=True)


@pytest.mark.parametrize("conditions", CONDITIONS, ids=lambda conditions: type(conditions).__name__)
def test_the_same_batch_always_has_the_same_number_of_tracks_with_segments(conditions: Conditions) -> None:
    batches = [Batch(0, start, start + 8) for start in range(0, 400, 8)]
    counts = [conditions.scorable(batch) for batch in batches]
    assert counts == [conditions.scorable(batch) for batch in batches]
    assert all(0 <= count <= 8 for count in counts)
