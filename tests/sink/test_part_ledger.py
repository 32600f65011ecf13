"""Shards that are committed part by part: same table, whoever dies when, and no more work done again than a part."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sink.memory_store import MemoryStore
from sink.shard_rows import RUN_ID, cut, make_plan, make_track, make_tracks, reject, score
from sink.stepping import Driver, every_interleaving
from sink.table_facts import check_shards, everything

from genre_batch.catalog.reject import RejectReason
from genre_batch.catalog.shards import Shard
from genre_batch.catalog.track import Track
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.mending import mend
from genre_batch.sink.part_ledger import PartLedger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.schema import RejectedTrack, ScoredTrack
from genre_batch.sink.staged_part import staged_uri
from genre_batch.storage.local import LocalStore
from genre_batch.storage.store import AccessDenied, Store

TRACKS = make_tracks(7)
PLAN = make_plan(len(TRACKS), shard_tracks=5, part_tracks=2)
"""Two shards: rows 0-1, 2-3 and 4, then rows 5-6, which are no more than a part."""
SMALL = make_plan(3, shard_tracks=3, part_tracks=2)
Outcome = Callable[[Track], ScoredTrack | RejectedTrack]


def parts_of(store: Store, output: str, plan: RunPlan = PLAN) -> PartLedger:
    return PartLedger(store, output, plan, Ledger(store, output, plan))


def commit(ledger: PartLedger, part: Shard, outcome: Outcome = score) -> None:
    rows = [outcome(track) for track in TRACKS[part.start : part.stop]]
    scored = [row for row in rows if isinstance(row, ScoredTrack)]
    ledger.commit(part.index, scored, [row for row in rows if isinstance(row, RejectedTrack)])


def carry_out(store: Store, output: str, plan: RunPlan, outcome: Outcome, most: int = 100) -> None:
    """What the pipeline does, at most `most` parts of it."""
    ledger = parts_of(store, output, plan)
    for part in ledger.take_up()[:most]:
        commit(ledger, part, outcome)


def third_is_bad(track: Track) -> ScoredTrack | RejectedTrack:
    return reject(track) if track == TRACKS[2] else score(track)


def staged(store: Store, output: str) -> list[str]:
    return [path for path in everything(store, output) if path.startswith(layout.staged_folder(RUN_ID))]


def shards_of(plan: RunPlan) -> list[list[Track]]:
    return cut(TRACKS[: plan.tracks], plan.shard_tracks)


def test_the_table_is_that_of_shards_that_are_committed_at_once(table: tuple[Store, str]) -> None:
    carry_out(*table, PLAN, third_is_bad)
    at_once = MemoryStore()
    carry_out(at_once, "/table", make_plan(len(TRACKS), shard_tracks=5), third_is_bad)
    assert everything(*table) == everything(at_once, "/table")
    assert len(check_shards(*table, PLAN, shards_of(PLAN))) == 2


def test_readers_see_a_shard_when_it_is_whole(table: tuple[Store, str]) -> None:
    carry_out(*table, PLAN, score, most=2)
    assert [path.split("/")[0] for path in everything(*table)] == ["_runs", "_runs"]
    assert len(staged(*table)) == 2
    carry_out(*table, PLAN, score, most=1)
    assert Ledger(*table, PLAN).shards() == {0}
    assert staged(*table) == []


def test_parts_may_come_in_any_order(table: tuple[Store, str]) -> None:
    ledger = parts_of(*table)
    for part in reversed(ledger.left()):
        commit(ledger, part)
    assert ledger.left() == []
    check_shards(*table, PLAN, shards_of(PLAN))


def test_a_driver_that_comes_after_another_does_the_rest_alone(table: tuple[Store, str]) -> None:
    assert parts_of(*table).left() == [Shard(0, 0, 2), Shard(1, 2, 4), Shard(2, 4, 5), Shard(3, 5, 7)]
    carry_out(*table, PLAN, score, most=2)
    assert parts_of(*table).left() == [Shard(2, 4, 5), Shard(3, 5, 7)]
    carry_out(*table, PLAN, reject)
    first, second = check_shards(*table, PLAN, shards_of(PLAN))
    assert (first.counts.scored, first.counts.rejected, second.counts.rejected) == (4, 1, 2)


def test_a_plan_of_an_older_version_has_shards_of_one_part(table: tuple[Store, str]) -> None:
    plan = make_plan(len(TRACKS), shard_tracks=5)
    assert parts_of(*table, plan).left() == [Shard(0, 0, 5), Shard(1, 5, 7)]


@pytest.mark.slow
def test_every_interleaving_of_two_drivers_with_a_crash_of_both_at_every_step() -> None:
    """From the last part of a shard on: what came before it is only files that are created."""

    def last_part(store: Store, outcome: Outcome) -> None:
        ledger = parts_of(store, "/table", SMALL)
        for part in ledger.left():
            commit(ledger, part, outcome)

    first, crashes = MemoryStore(), set[frozenset[tuple[str, bytes]]]()
    carry_out(first, "/table", SMALL, score, most=1)
    drivers = [Driver(lambda store, o=o: last_part(store, o)) for o in (third_is_bad, score)]
    for now, _, before in every_interleaving(first, drivers):
        kept = {uri for uri in before.objects if "/staged/" not in uri}
        assert all(now.objects[uri] == before.objects[uri] for uri in kept)
        check_shards(now, "/table", SMALL, shards_of(SMALL))
        if (crash := frozenset(now.objects.items())) in crashes:
            continue
        crashes.add(crash)
        resumed = MemoryStore(now.objects)
        carry_out(resumed, "/table", SMALL, lambda track: reject(track, RejectReason.READ_FAILED))
        (record,) = check_shards(resumed, "/table", SMALL, shards_of(SMALL))
        assert record.counts.scored + record.counts.rejected == 3
    assert len(crashes) > 8


def test_a_staged_part_of_a_committed_shard_is_cleared_away(table: tuple[Store, str]) -> None:
    carry_out(*table, PLAN, score, most=1)
    uri = staged_uri(table[1], PLAN, Shard(0, 0, 2))
    data = table[0].read(uri)
    carry_out(*table, PLAN, score)
    table[0].write(uri, data)
    parts_of(*table).take_up()
    assert staged(*table) == []


def test_a_run_that_may_not_delete_is_carried_out_all_the_same(tmp_path: Path) -> None:
    class Keeping(LocalStore):
        def delete(self, uri: str) -> None:
            raise AccessDenied(uri)

    for _ in range(2):
        carry_out(Keeping(), str(tmp_path), PLAN, score)
    check_shards(Keeping(), str(tmp_path), PLAN, shards_of(PLAN))
    assert len(staged(Keeping(), str(tmp_path))) == 3


def test_staged_outcomes_that_are_removed_are_damage_and_done_again(table: tuple[Store, str]) -> None:
    ledger = parts_of(*table)
    first, *rest = ledger.left()[:3]
    commit(ledger, first)
    table[0].delete(staged_uri(table[1], PLAN, first))
    commit(ledger, rest[0])
    with pytest.raises(DamageFound, match="have been removed"):
        commit(ledger, rest[1])
    assert parts_of(*table).left()[0] == first
    carry_out(*table, PLAN, score)
    check_shards(*table, PLAN, shards_of(PLAN))


def test_a_damaged_part_is_named_and_done_again_once_it_is_gone(tmp_path: Path) -> None:
    store, output = LocalStore(), str(tmp_path)
    carry_out(store, output, PLAN, score, most=1)
    uri = staged_uri(output, PLAN, Shard(0, 0, 2))
    store.write(uri, store.read(uri)[:-9])
    with pytest.raises(DamageFound, match="000000000000-000000000002") as damage:
        carry_out(store, output, PLAN, score)
    assert damage.value.hint == mend(output)
    store.delete(uri)
    carry_out(store, output, PLAN, score)
    check_shards(store, output, PLAN, shards_of(PLAN))


def test_a_track_with_two_outcomes_leaves_nothing_behind(table: tuple[Store, str]) -> None:
    ledger = parts_of(*table)
    part = ledger.left()[0]
    rows: Sequence[ScoredTrack] = [score(make_track(0)), score(make_track(0))]
    with pytest.raises(ValueError, match="two outcomes"):
        ledger.commit(part.index, rows, [])
    assert everything(*table) == {}
