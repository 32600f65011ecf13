"""What Ray says of actors, as events: on real actors, which are killed, stopped and refused."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import ray
from ray_workers import worker
from two_stages import Role

from genre_batch.catalog.track import Track
from genre_batch.config import ScoreConfig, load
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.ray_actors import Arrival, RayActors, reserved
from genre_batch.errors import UserError
from genre_batch.pipeline import score_flow
from genre_batch.schedule.events import ActorLost, ActorReady, CallFailed, Returned

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


HERE = Cluster(cpus=2.0, gpus=0.0, own=True)


@pytest.fixture
def actors(local_ray: None) -> Iterator[RayActors]:
    actors = RayActors(score_flow(settings(), HERE).stages)
    yield actors
    actors.stop_all()


def settings(*overrides: str) -> ScoreConfig:
    overrides = ("bundle=cheap", "predict.placement=separate", *overrides)
    return load(ScoreConfig, None, overrides, {"source": "/in", "output": "/out"})


def test_slivers_for_actors_that_need_no_cpu_fit_beside_those_that_do() -> None:
    extract, predict = score_flow(settings(), HERE).stages
    assert reserved(predict)["num_cpus"] > 0
    assert 2 * reserved(extract)["num_cpus"] + 2 * reserved(predict)["num_cpus"] <= 2
    assert 1000 * reserved(extract)["num_cpus"] > 997
    on_gpu = replace(predict, num_gpus=1.0)
    assert reserved(on_gpu) == {"num_cpus": 0.0, "num_gpus": 1.0}


def next_answers(actors: RayActors) -> list[Arrival]:
    for _ in range(600):
        if answers := list(actors.wait(timeout_s=0.1)):
            return answers
    pytest.fail("nothing happens")


def test_an_actor_reports_ready_answers_and_can_be_lost(actors: RayActors, tmp_path: Path) -> None:
    actors.start(Role.EXTRACT)
    assert next_answers(actors) == [(ActorReady(0, Role.EXTRACT), None)]
    missing = Track("a", str(tmp_path / "a"), "", -1)
    actors.send(0, 7, [missing], None)
    ((event, report),) = next_answers(actors)
    assert event == Returned(7, remaining=0)
    assert report is not None
    assert len(report.outcomes) == 1
    os.kill(worker("ray::ExtractFeatures").pid, signal.SIGKILL)
    actors.send(0, 8, [missing], None)
    ((lost, _),) = next_answers(actors)
    assert isinstance(lost, ActorLost)
    (here,) = ray.nodes()
    assert (lost.actor, lost.blameless, lost.machine) == (0, False, here["NodeID"])
    assert actors.count(Role.EXTRACT) == 0


def test_an_answer_and_the_death_that_follows_it_come_one_after_the_other(actors: RayActors, tmp_path: Path) -> None:
    """Both are known when Ray is asked; whoever acts on the answer must still find the actor."""
    actors.start(Role.EXTRACT)
    next_answers(actors)
    missing = Track("a", str(tmp_path / "a"), "", -1)
    actors.send(0, 1, [missing], None)
    ray.wait(list(actors._waiting), timeout=300)
    os.kill(worker("ray::ExtractFeatures").pid, signal.SIGKILL)
    actors.send(0, 2, [missing], None)
    time.sleep(3)
    events = []
    for event, _ in actors.wait(timeout_s=1.0):
        events.append(type(event))
        if isinstance(event, Returned):
            actors.send(0, 3, [missing], None)
    assert events[0] is Returned
    assert set(events[1:]) <= {ActorLost}


def test_a_call_that_raises_fails_alone(actors: RayActors) -> None:
    actors.start(Role.EXTRACT)
    next_answers(actors)
    actors.send(0, 1, [None], None)  # type: ignore[list-item]
    ((event, _),) = next_answers(actors)
    assert isinstance(event, CallFailed)
    assert event.call == 1
    assert "NoneType" in event.message
    assert actors.count(Role.EXTRACT) == 1


def test_actors_that_cannot_start_end_the_run_with_the_reason(local_ray: None) -> None:
    nowhere = settings("bundle=/nowhere")
    actors = RayActors(score_flow(nowhere, HERE).stages)
    started_s = time.monotonic()

    def keep_trying() -> None:
        while time.monotonic() - started_s < 120:
            if not actors.count(Role.EXTRACT):
                actors.start(Role.EXTRACT)
            list(actors.wait(timeout_s=0.1))

    with pytest.raises(UserError, match=r"do not start: .*/nowhere"):
        keep_trying()
