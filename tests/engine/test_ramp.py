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
    ("stages", "batches", "cpus", "gpus"),
    [
        ([EXTRACT, PREDICT], 50, 50, 0),
        ([sized(EXTRACT, 1, 8), PREDICT], 50, 8, 0),
        ([sized(EXTRACT, 4, 8), PREDICT], 3, 4, 0),
        ([EXTRACT, ON_GPU], 50, 50, 1),
        ([EXTRACT, sized(ON_GPU, 1, 4)], 10**7, 1_996, 4),
        ([EXTRACT, PREDICT], 10**7, 2_000, 0),
    ],
)
def test_it_asks_for_what_the_plan_can_use(stages: list[Stage], batches: int, cpus: int, gpus: int) -> None:
    bundles = wanted_bundles(stages, batches)
    assert sum(bundle.get("CPU", 0.0) for bundle in bundles) == cpus
    assert sum(bundle.get("GPU", 0.0) for bundle in bundles) == gpus
    assert all(bundles)


def test_what_was_asked_for_is_given_back_however_the_run_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[int] = []
    monkeypatch.setattr(ramp, "request_resources", lambda bundles: requests.append(len(bundles)))
    with pytest.raises(KeyboardInterrupt), grown_for([EXTRACT], 5, own=False):
        raise KeyboardInterrupt
    assert requests == [5, 0]
    with grown_for([EXTRACT], 5, own=True):
        pass
    assert requests == [5, 0]
