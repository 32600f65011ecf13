"""The test batch is sent once at the start and once at the end, again if its actors are lost, and holds nothing up."""

from collections.abc import Callable

import pytest
from ray.exceptions import ActorDiedError

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.engine import probing
from genre_batch.engine.probing import Probing
from genre_batch.engine.workload import ProbeAnswer
from genre_batch.stages.stage import StageReport

REJECT = Reject(RejectReason.CORRUPT, RejectStage.DECODE, "no frame")
GOOD = [StageReport(("facts", REJECT), 0.1), StageReport(("score", None), 0.1)]


class World:
    """Stands in for Ray and the actors of a run. script: what each probe returns, or None if it never returns."""

    def __init__(self, *script: list[StageReport] | Exception | None) -> None:
        self.script = list(script)
        self.ready = True
        self.asked: list[int] = []
        self.waited_s: list[float] = []
        self.answers: list[ProbeAnswer] = []

    def probe(self, attempt: int) -> list[int] | None:
        if not self.ready:
            return None
        self.asked.append(attempt)
        return [len(self.asked) - 1]

    def wait(self, calls: list[int], num_returns: int, timeout: float) -> tuple[list[int], list[int]]:
        self.waited_s.append(timeout)
        return (calls, []) if self.script[calls[0]] is not None else ([], calls)

    def get(self, calls: list[int]) -> list[StageReport]:
        found = self.script[calls[0]]
        if isinstance(found, Exception):
            raise found
        assert found is not None
        return found


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Callable[[World], Probing]:
    def make(world: World) -> Probing:
        monkeypatch.setattr(probing, "ray", world)
        return Probing(world, world.answers.append)  # type: ignore[arg-type]

    return make


def nothing() -> None:
    """Nobody wants to stop."""


def test_a_start_and_an_end_are_reported(probe: Callable[[World], Probing]) -> None:
    world = World(GOOD, GOOD)
    batch = probe(world)
    batch.begin("start")
    assert world.waited_s == [0.0]
    batch.finish(nothing)
    expected = ("score", REJECT)
    assert world.answers == [ProbeAnswer("start", expected), ProbeAnswer("end", expected)]
    batch.look()
    assert len(world.asked) == 2


def test_it_waits_for_actors_without_holding_up_the_start(probe: Callable[[World], Probing]) -> None:
    world = World(GOOD)
    world.ready = False
    batch = probe(world)
    batch.begin("start")
    assert not batch.look()
    world.ready = True
    assert batch.look()
    assert [answer.moment for answer in world.answers] == ["start"]


def test_other_actors_are_asked_if_some_are_lost(probe: Callable[[World], Probing]) -> None:
    world = World(ActorDiedError(), GOOD, *[ActorDiedError()] * 3)
    batch = probe(world)
    batch.begin("start")
    batch.finish(nothing)
    assert world.asked == [0, 1, 0, 1, 2]
    assert [(answer.moment, bool(answer.error)) for answer in world.answers] == [("start", False), ("end", True)]


def test_the_end_is_given_up_without_actors_and_after_a_while(
    probe: Callable[[World], Probing], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(None)
    batch = probe(world)
    world.ready = False
    batch.finish(nothing)
    assert world.answers == []
    world.ready = True
    monkeypatch.setattr(probing, "_DEADLINE_S", -1.0)
    batch.finish(nothing)
    assert [answer.error for answer in world.answers] == ["no answer within -1 s"]


def test_a_stop_ends_the_wait(probe: Callable[[World], Probing]) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probe(World(None)).finish(stop)


def test_workers_without_a_test_batch_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    batch = Probing(world, None)  # type: ignore[arg-type]
    batch.begin("start")
    batch.finish(nothing)
    assert world.asked == []
