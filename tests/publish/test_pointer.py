"""The pointer to what is served: every interleaving of publishers, crashes, and real conditional writes."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from publish.histories import Place
from sink.memory_store import MemoryStore
from sink.stepping import Driver, every_interleaving

from genre_batch.publish import pointer
from genre_batch.publish.pointer import (
    Published,
    PublishedModel,
    next_step,
    read_published,
    step_back,
    steps,
    take_step,
)
from genre_batch.sink import layout
from genre_batch.sink.record import Counts
from genre_batch.storage.store import Store

OUTPUT = "/table"


def run_id(number: int) -> str:
    return f"202611{number:02d}T000000Z-000000"


def table_of(*numbers: int) -> PublishedModel:
    return PublishedModel(
        answers="scores",
        runs=tuple(map(run_id, sorted(numbers))),
        counts=Counts(scored=10 * len(numbers)),
        confidence=(0,) * 10,
    )


def add(number: int, model: str = "a") -> Callable[[Published | None], Published | None]:
    """A change that serves one run more, unless it is served already."""

    def change(now: Published | None) -> Published | None:
        known = now.models[model].runs if now and model in now.models else ()
        if run_id(number) in known and now and now.model_id == model:
            return None
        numbers = {int(each[6:8]) for each in known} | {number}
        return next_step(now, "publish", model, {**(now.models if now else {}), model: table_of(*numbers)})

    return change


def back(store: Store, output: str) -> Published | None:
    return take_step(store, output, lambda now: step_back(store, output, now) if now else None)


def served(store: Store, output: str = OUTPUT) -> tuple[str, tuple[str, ...]]:
    now = read_published(store, output)
    assert now is not None
    return now.model_id, now.models[now.model_id].runs


def check(store: Any, output: str = OUTPUT) -> list[Published]:
    """The log is a chain of steps that follow one another, and its end is what is served."""
    chain = list(steps(store, output))
    assert [step.number for step in chain] == list(range(len(chain), 0, -1))
    assert chain[-1:] == [] or chain[-1].before is None
    return chain


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of the same number get the same random name, so that replayed drivers are deterministic."""
    monkeypatch.setattr(pointer, "datetime", _Clock)


class _Clock:
    @staticmethod
    def now(zone: Any) -> Any:
        from datetime import datetime

        return datetime(2026, 11, 29, tzinfo=zone)


def publisher(token: str, work: Callable[[Any], object]) -> Driver:
    """A publisher whose steps have names of its own; the n-th of one replay is always the same."""

    def run(store: Any) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pointer.secrets, "token_hex", lambda _: token)
            return work(store)

    return Driver(run)


@pytest.mark.usefixtures("names")
def test_every_interleaving_of_two_publishers_serves_the_runs_of_both() -> None:
    drivers = [
        publisher("aaaaaaaa", lambda store: take_step(store, OUTPUT, add(1)) and None),
        publisher("bbbbbbbb", lambda store: take_step(store, OUTPUT, add(2)) and None),
    ]
    ends = set()
    for store, at, before in every_interleaving(MemoryStore(), drivers):
        check(store)
        earlier, now = read_published(before, OUTPUT), read_published(store, OUTPUT)
        if earlier is not None:
            assert now is not None
            assert set(earlier.models["a"].runs) <= set(now.models["a"].runs)
        if all(driver.done for driver in at):
            assert served(store)[1] == (run_id(1), run_id(2))
            assert len(check(store)) == 2
            ends.add(check(store)[0].step)
    assert ends == {"00000002-aaaaaaaa", "00000002-bbbbbbbb"}


@pytest.mark.usefixtures("names")
def test_every_interleaving_of_a_publisher_a_rollback_and_a_crash_leaves_a_served_table() -> None:
    store = MemoryStore()
    for number in (1, 2):
        take_step(store, OUTPUT, add(number))
    drivers = [
        publisher("aaaaaaaa", lambda store: take_step(store, OUTPUT, add(3)) and None),
        publisher("bbbbbbbb", lambda store: back(store, OUTPUT) and None),
    ]
    ends = set()
    for after, at, _ in every_interleaving(store, drivers):
        # whoever crashes here leaves this state
        check(after)
        assert run_id(1) in served(after)[1]
        if all(driver.done for driver in at):
            ends.add(served(after)[1])
    # the run that was taken back comes with the next publication that adds it; one that raced is kept or undone
    assert ends == {(run_id(1), run_id(2)), (run_id(1), run_id(3))}


def test_rolling_back_twice_goes_further_back_and_publishing_goes_on() -> None:
    store = MemoryStore()
    for number in (1, 2, 3):
        take_step(store, OUTPUT, add(number))
    back(store, OUTPUT)
    assert served(store)[1] == (run_id(1), run_id(2))
    back(store, OUTPUT)
    assert served(store)[1] == (run_id(1),)
    assert back(store, OUTPUT) == read_published(store, OUTPUT)
    take_step(store, OUTPUT, add(4))
    assert served(store)[1] == (run_id(1), run_id(4))
    assert [step.action for step in check(store)] == [
        "publish", "roll_back", "roll_back", "publish", "publish", "publish",
    ]  # fmt: skip


def test_a_switch_of_the_model_can_be_taken_back() -> None:
    store = MemoryStore()
    take_step(store, OUTPUT, add(1))
    take_step(store, OUTPUT, add(2, "b"))
    assert served(store) == ("b", (run_id(2),))
    back(store, OUTPUT)
    assert served(store) == ("a", (run_id(1),))


def test_nothing_to_publish_writes_nothing() -> None:
    store = MemoryStore()
    take_step(store, OUTPUT, add(1))
    before = dict(store.objects)
    take_step(store, OUTPUT, add(1))
    assert store.objects == before


def test_publishers_that_race_on_real_storage_lose_nothing(place: Place) -> None:
    ready = threading.Barrier(4)

    def publish(number: int) -> None:
        ready.wait()
        take_step(*place, add(number))

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served(*place)[1] == tuple(map(run_id, range(1, 5)))
    chain = check(*place)
    assert len(chain) == 4
    kept = {found.uri for found in place[0].list(layout.at(place[1], layout.PUBLISHED_FOLDER))}
    assert kept == {layout.at(place[1], layout.published_step_path(step.step)) for step in chain}
