import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sink.drive import drive, seventh_is_bad
from sink.memory_store import MemoryStore
from sink.shard_rows import PLANNED_AT, RUN_ID, make_plan, make_track, make_tracks
from sink.stepping import Driver, every_interleaving
from sink.table_facts import everything, visible_tracks

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.finish import Latest, finish, read_manifest
from genre_batch.sink.json_records import read_pointer
from genre_batch.sink.layout import give_up_hint
from genre_batch.sink.plan import RunPlan, run_ids
from genre_batch.sink.run_claim import RunClaim, advance_head, claim_run, unfinished_beside
from genre_batch.storage.store import Store

SAME = {"source": "s3://music/", "model_id": "mel-cnn-1", "fingerprint": "f" * 64}
OTHER_RUN = "20261121T065212Z-ffffff"


def claim(store: Store, output: str, **changes: str) -> RunClaim:
    return claim_run(store, output, **(SAME | changes))


def test_a_run_with_the_head_is_unfinished_until_it_finishes(table: tuple[Store, str]) -> None:
    plan = make_plan(0)
    assert claim_run(*table, **SAME).unfinished is None
    assert advance_head(*table, plan, claim(*table))
    assert claim_run(*table, **SAME).unfinished == plan
    finish(*table, plan, [])
    assert claim_run(*table, **SAME).unfinished is None


@pytest.mark.parametrize("other", [{"source": "s3://more/"}, {"model_id": "b"}, {"fingerprint": "0" * 64}])
def test_runs_with_another_source_or_model_have_their_own_head(table: tuple[Store, str], other: dict[str, str]) -> None:
    advance_head(*table, make_plan(), claim(*table))
    assert claim(*table, **other).unfinished is None
    plan = make_plan(run_id=OTHER_RUN, **other)
    assert advance_head(*table, plan, claim(*table, **other))
    assert claim(*table, **other).unfinished == plan
    assert claim(*table).unfinished == make_plan()


@pytest.mark.parametrize("damage", [None, b"{}"])
def test_a_run_to_join_that_has_lost_its_plan_is_damage_and_can_be_given_up(
    damage: bytes | None, table: tuple[Store, str]
) -> None:
    advance_head(*table, make_plan(), claim(*table))
    store, uri = table[0], layout.at(table[1], layout.plan_path(RUN_ID))
    store.delete(uri) if damage is None else store.write(uri, damage)
    with pytest.raises(DamageFound, match=RUN_ID) as found:
        claim(*table)
    assert give_up_hint(table[1], RUN_ID) in found.value.hint


def test_one_of_two_plans_gets_the_head(table: tuple[Store, str]) -> None:
    first, second = claim(*table), claim(*table)
    assert advance_head(*table, make_plan(), first)
    assert not advance_head(*table, make_plan(run_id=OTHER_RUN), second)
    assert claim(*table).unfinished == make_plan()


def test_a_claim_is_lost_even_if_the_other_run_has_already_finished(table: tuple[Store, str]) -> None:
    early = claim(*table)
    advance_head(*table, make_plan(0), claim(*table))
    finish(*table, make_plan(0), [])
    assert not advance_head(*table, make_plan(run_id=OTHER_RUN), early)
    assert advance_head(*table, make_plan(run_id=OTHER_RUN), claim(*table))


def test_a_plan_that_never_got_the_head_is_not_resumed(table: tuple[Store, str]) -> None:
    store, output = table
    advance_head(store, output, make_plan(), claim(store, output))
    store.delete(layout.at(output, claim(store, output).head_path))
    assert claim(store, output).unfinished is None


def _plan_a_run(store: Any, run_id: str) -> str:
    """Join the unfinished run or plan another, as a driver does."""
    while True:
        seen = claim(store, "/table")
        if seen.unfinished is not None:
            return seen.unfinished.run_id
        if advance_head(store, "/table", make_plan(run_id=run_id), seen):
            return run_id


def test_every_interleaving_of_drivers_that_plan_at_once_ends_in_one_run() -> None:
    runs = [RUN_ID, OTHER_RUN, "20261121T065211Z-000000"]
    drivers = [Driver(lambda store, r=run_id: _plan_a_run(store, r)) for run_id in runs]
    ends = set()
    for _, at, _ in every_interleaving(MemoryStore(), drivers):
        assert len({d.result for d in at if d.done}) <= 1
        ends |= {d.result for d in at if d.done}
    assert ends == set(runs)


class _Gate:
    """Lets one of several drivers do one operation at a time; a seed decides which."""

    def __init__(self, drivers: int, seed: int) -> None:
        self._random, self._running = random.Random(seed), set(range(drivers))
        self._next, self._changed = self._random.randrange(drivers), threading.Condition()

    @contextmanager
    def operation(self, driver: int) -> Iterator[None]:
        with self._changed:
            assert self._changed.wait_for(lambda: self._next == driver, timeout=300)
            try:
                yield
            finally:
                self._pass_on()

    def leave(self, driver: int) -> None:
        with self._changed:
            self._running.discard(driver)
            self._pass_on()

    def _pass_on(self) -> None:
        self._next = self._random.choice(sorted(self._running)) if self._running else -1
        self._changed.notify_all()


class _Gated:
    def __init__(self, store: MemoryStore, gate: _Gate, driver: int) -> None:
        self._store, self._gate, self._driver = store, gate, driver

    def __getattr__(self, name: str) -> Any:
        def operation(*args: Any, **options: Any) -> Any:
            with self._gate.operation(self._driver):
                answer = getattr(self._store, name)(*args, **options)
                return list(answer) if name == "list" else answer

        return operation


def _two_at_once(seed: int) -> tuple[MemoryStore, list[str | None]]:
    store, gate, done = MemoryStore(), _Gate(2, seed), {}
    catalogs = [make_tracks(9), make_tracks(9)]

    def work(driver: int) -> None:
        try:
            randomness = (bytes([driver, 0, n]) for n in range(9))
            now = PLANNED_AT + timedelta(days=driver)
            done[driver] = drive(
                _Gated(store, gate, driver), "/table", catalogs[driver], seventh_is_bad, now, randomness
            )
        finally:
            gate.leave(driver)

    threads = [threading.Thread(target=work, args=(driver,)) for driver in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return store, [done[0], done[1]]


def _check_two_at_once(seed: int) -> None:
    store, done = _two_at_once(seed)
    assert visible_tracks(store, "/table") == [track.track_id for track in make_tracks(9)]
    latest, _ = read_pointer(store, f"/table/{layout.LATEST}", Latest) or pytest.fail("no pointer")
    assert {run for run in done if run} == {latest.run_id}
    manifests = [read_manifest(store, "/table", run_id) for run_id in run_ids(store, "/table")]
    assert [m.plan.run_id for m in manifests if m] == [latest.run_id]


@pytest.mark.parametrize("table", ["local", "s3", pytest.param("radosgw", marks=pytest.mark.radosgw)], indirect=True)
def test_whole_runs_one_after_the_other(table: tuple[Store, str]) -> None:
    """The first labels all, the second finds nothing to do, and the third only what has changed."""
    catalog = make_tracks(9)
    first = drive(*table, catalog, seventh_is_bad, PLANNED_AT, iter([b"\0\0\0"]))
    assert read_pointer(table[0], layout.at(table[1], layout.LATEST), Latest)
    before = everything(*table)
    assert drive(*table, catalog, seventh_is_bad, PLANNED_AT, iter([])) is None
    assert everything(*table) == before
    catalog[2] = make_track(2, "v2")
    third = drive(*table, catalog, seventh_is_bad, PLANNED_AT, iter([b"\0\0\0"]))
    manifests = [read_manifest(*table, run_id) for run_id in (first, third) if run_id]
    assert [(m.counts.scored, m.counts.rejected, m.plan.skipped) for m in manifests if m] == [(8, 1, 0), (1, 0, 8)]
    assert visible_tracks(*table) == sorted([track.track_id for track in catalog] + [catalog[2].track_id])
    latest, _ = read_pointer(table[0], layout.at(table[1], layout.LATEST), Latest) or pytest.fail("no pointer")
    assert latest.run_id == third


THIS_KEY = SAME["model_id"], SAME["fingerprint"]


def beside(table: tuple[Store, str]) -> list[RunPlan]:
    """The unfinished runs beside one over s3://music/; the caller removes the slash at the end of the source."""
    return unfinished_beside(*table, claim(*table, source="s3://music"), "scores", THIS_KEY)


def test_runs_over_one_source_with_something_else_are_seen_until_they_finish(table: tuple[Store, str]) -> None:
    assert beside(table) == []
    other = make_plan(0, fingerprint="0" * 64)
    advance_head(*table, other, claim(*table, fingerprint="0" * 64))
    assert beside(table) == [other]
    finish(*table, other, [])
    assert beside(table) == []


@pytest.mark.parametrize("other", [{}, {"source": "s3://more/"}, {"answers": "features", "fingerprint": "0" * 64}])
def test_runs_that_do_not_clash_are_not_seen(table: tuple[Store, str], other: dict[str, str]) -> None:
    place = {name: value for name, value in other.items() if name != "answers"}
    assert advance_head(*table, make_plan(**other), claim(*table, **place))
    assert beside(table) == []


@pytest.mark.parametrize("broken", ["head", "plan"])
def test_a_damaged_run_of_another_model_does_not_block(table: tuple[Store, str], broken: str) -> None:
    store, output = table
    other = claim(*table, fingerprint="0" * 64)
    advance_head(*table, make_plan(0, fingerprint="0" * 64), other)
    assert len(beside(table)) == 1
    if broken == "head":
        store.write(layout.at(output, other.head_path), b"{")
    else:
        store.delete(layout.at(output, layout.plan_path(RUN_ID)))
    assert beside(table) == []


def test_a_source_is_the_same_however_its_path_is_written(table: tuple[Store, str]) -> None:
    advance_head(*table, make_plan(source="music"), claim(*table, source="music"))
    assert claim(*table, source=str(Path("music").absolute())).unfinished
    assert claim(*table, source="/music").unfinished is None


@pytest.mark.parametrize("seed", range(10))
def test_two_whole_runs_at_once_make_one_table_without_a_duplicate(seed: int) -> None:
    _check_two_at_once(seed)


@pytest.mark.slow
def test_two_whole_runs_at_once_in_200_interleavings() -> None:
    for seed in range(10, 210):
        _check_two_at_once(seed)
