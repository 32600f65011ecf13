"""What a run asks of an autoscaler. That a real cluster is asked, and asked again, is seen in test_pipeline_head.py."""

from dataclasses import replace

import pytest
from pydantic import PositiveInt

from genre_batch.catalog.reject import RejectStage
from genre_batch.engine import ramp
from genre_batch.engine.ramp import grown_for, wanted_bundles
from genre_batch.stages.stage import PoolSize, Stage

EXTRACT = Stage("extract", object, (), PoolSize(), RejectStage.DECODE, num_cpus=1.0)
PREDICT = Stage("predict", object, (), PoolSize(), RejectStage.MODEL)
ON_GPU = replace(PREDICT, num_gpus=1.0)


def sized(stage: Stage, least: PositiveInt, most: PositiveInt | None) -> Stage:
    return replace(stage, size=PoolSize(min_size=least, max_size=most))


@pytest.mark.parametrize(
    ("stages", "tracks", "track_s", "cpus", "gpus"),
    [
        # an hour of work, for 12 actors
        ([EXTRACT, PREDICT], 36_000, 0.1, 12, 0),
        # a night: some 500 CPU seconds
        ([EXTRACT, PREDICT], 5_000, 0.1, 2, 0),
        ([EXTRACT, PREDICT], 5_000, 3.0, 50, 0),
        # no more than batches, however long a track takes
        ([EXTRACT, PREDICT], 14, 10_000.0, 2, 0),
        ([sized(EXTRACT, 1, 8), PREDICT], 36_000, 0.1, 8, 0),
        ([sized(EXTRACT, 4, 8), PREDICT], 20, 0.1, 4, 0),
        ([EXTRACT, ON_GPU], 150_000, 0.1, 50, 1),
        ([EXTRACT, sized(ON_GPU, 1, 4)], 5_000, 0.1, 2, 2),
        ([EXTRACT, sized(ON_GPU, 1, 4)], 10**8, 0.1, 1_996, 4),
        ([EXTRACT, PREDICT], 10**8, 0.1, 2_000, 0),
    ],
)
def test_it_asks_for_what_the_work_is_worth(
    stages: list[Stage], tracks: int, track_s: float, cpus: int, gpus: int
) -> None:
    bundles = wanted_bundles(stages, tracks, [track_s] * len(stages))
    assert sum(bundle.get("CPU", 0.0) for bundle in bundles) == cpus
    assert sum(bundle.get("GPU", 0.0) for bundle in bundles) == gpus
    assert all(bundles)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many actors each request is for."""
    sizes: list[int] = []
    monkeypatch.setattr(ramp, "request_resources", lambda bundles: sizes.append(len(bundles)))
    return sizes


def test_what_was_asked_for_is_given_back_however_the_run_ends(requests: list[int]) -> None:
    with pytest.raises(KeyboardInterrupt), grown_for([EXTRACT], 15_000, own=False):
        raise KeyboardInterrupt
    assert requests == [5, 0]
    with grown_for([EXTRACT], 15_000, own=True) as growth:
        growth.look()
    assert requests == [5, 0]


def test_it_asks_for_more_once_tracks_turn_out_to_take_long_and_never_for_less(requests: list[int]) -> None:
    with grown_for([EXTRACT], 15_000, own=False) as growth:
        growth.note(0, 32, 320.0)
        growth.look()
        assert requests == [5], "too few tracks to go by"
        growth.note(0, 32, 320.0)
        growth.look()
        assert requests == [5, 500]
        growth.note(0, 10_000, 20.0)
        growth.look()
        assert requests == [5, 500]
    assert requests == [5, 500, 0]


def test_a_cluster_that_does_not_answer_is_asked_at_the_next_look(
    requests: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, answers = ramp.request_resources, [ConnectionError("no answer")]

    def fail_once(bundles: list[dict[str, float]]) -> None:
        if len(bundles) == 500 and answers:
            raise answers.pop()
        ask(bundles=bundles)

    monkeypatch.setattr(ramp, "request_resources", fail_once)
    with grown_for([EXTRACT], 15_000, own=False) as growth:
        growth.note(0, 64, 640.0)
        growth.look()
        assert requests == [5]
        growth.look()
        assert requests == [5, 500]
