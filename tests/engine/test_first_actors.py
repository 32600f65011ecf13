"""The first actors of a run: they decide whether it begins, and then work for it."""

import time
from dataclasses import replace

import pytest
from ray_workers import worker
from two_stages import Role

from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.first_actors import FirstActors
from genre_batch.errors import UserError
from genre_batch.pipeline import score_flow
from genre_batch.schedule.events import ActorReady
from genre_batch.stages.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

HERE = Cluster(cpus=2.0, gpus=0.0, own=True)


def stages() -> list[Stage]:
    settings = ["bundle=cheap", "predict.placement=separate"]
    return list(score_flow(load(ScoreConfig, None, settings, {"source": "/in", "output": "/out"}), HERE).stages)


def is_gone(title: str) -> bool:
    for _ in range(600):
        try:
            worker(title)
        except LookupError:
            return True
        time.sleep(0.05)
    return False


def test_they_are_handed_over_once_and_stopped_if_nobody_takes_them(local_ray: None) -> None:
    first = FirstActors()
    assert first.take() is None
    first.start(HERE, stages(), 1)
    actors = first.take()
    assert actors is not None
    ready = sorted(actors.started(), key=lambda event: event.stage)
    assert [event.stage for event in ready] == [Role.EXTRACT, Role.PREDICT]
    assert all(isinstance(event, ActorReady) for event in ready)
    assert first.take() is None
    actors.stop_all()
    first.start(HERE, stages(), 1)
    first.close()
    first.close()
    assert is_gone("ray::ExtractFeatures")
    assert is_gone("ray::PredictGenres")


def test_once_it_is_late_nobody_waits_for_them(local_ray: None) -> None:
    first, asked = FirstActors(), iter([False, True])
    impossible = [replace(stage, num_cpus=64.0) for stage in stages()]
    first.start(replace(HERE, own=False), impossible, 1, lambda: next(asked))
    actors = first.take()
    assert actors is not None
    assert ([actors.count(stage) for stage in Role], actors.started()) == ([1, 1], [])
    actors.stop_all()


def test_the_error_names_the_stage_that_does_not_start_and_the_reason(local_ray: None) -> None:
    extract, predict = stages()
    broken = replace(predict, arguments=("/no/such/bundle", "cpu", "fp32", "torch"))
    first = FirstActors()
    with pytest.raises(
        UserError, match=r"the predict actors do not start: there is no model bundle at /no/such/bundle"
    ):
        first.start(HERE, [extract, broken], 1)
    first.close()
    assert is_gone("ray::ExtractFeatures")
