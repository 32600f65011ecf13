import hashlib
from datetime import timedelta

import pytest
from pydantic import ValidationError
from sink.shard_rows import PLANNED_AT, RUN_ID, make_plan

from genre_batch.errors import DamageFound, UsageError
from genre_batch.sink import layout
from genre_batch.sink.json_records import to_json
from genre_batch.sink.plan import next_planning_time, plan_sha256, read_plan, run_ids, write_plan
from genre_batch.sink.schema import SCHEMA_VERSION
from genre_batch.storage.store import ObjectGone, Store


def test_a_plan_is_read_as_it_was_written(table: tuple[Store, str]) -> None:
    later = {"planned_at": PLANNED_AT + timedelta(microseconds=1), "finish_at": PLANNED_AT + timedelta(hours=6)}
    plan = make_plan(5, listed=9, skipped=4, finish_by="6h", **later)
    write_plan(*table, plan)
    write_plan(*table, plan)
    assert read_plan(*table, RUN_ID) == plan
    stored = table[0].read(layout.at(table[1], layout.plan_path(RUN_ID)))
    assert plan_sha256(plan) == hashlib.sha256(stored).hexdigest()


def test_a_run_has_one_plan(table: tuple[Store, str]) -> None:
    write_plan(*table, make_plan(5))
    with pytest.raises(DamageFound, match="another plan"):
        write_plan(*table, make_plan(6))


def test_no_plan_and_a_broken_plan(table: tuple[Store, str]) -> None:
    store, output = table
    with pytest.raises(ObjectGone):
        read_plan(store, output, RUN_ID)
    store.write(layout.at(output, layout.plan_path(RUN_ID)), b'{"run_id": "x"}')
    with pytest.raises(DamageFound, match="is not a RunPlan"):
        read_plan(store, output, RUN_ID)


def test_a_plan_without_a_version_is_of_the_first(table: tuple[Store, str]) -> None:
    older = make_plan().model_dump_json(indent=1, exclude={"schema_version"}).encode() + b"\n"
    table[0].write(layout.at(table[1], layout.plan_path(RUN_ID)), older)
    plan = read_plan(*table, RUN_ID)
    assert plan.schema_version == 1
    assert plan_sha256(plan) == hashlib.sha256(older).hexdigest()
    write_plan(*table, plan)


def test_a_plan_from_before_there_was_an_end_keeps_its_bytes(table: tuple[Store, str]) -> None:
    older = make_plan().model_dump_json(indent=1, exclude={"finish_by", "finish_at"}).encode() + b"\n"
    table[0].write(layout.at(table[1], layout.plan_path(RUN_ID)), older)
    plan = read_plan(*table, RUN_ID)
    assert (plan.finish_by, plan.finish_at) == (None, None)
    assert plan_sha256(plan) == hashlib.sha256(older).hexdigest()


def test_a_plan_of_a_newer_version_is_not_damage(table: tuple[Store, str]) -> None:
    newer = make_plan().model_copy(update={"schema_version": SCHEMA_VERSION + 1})
    table[0].write(layout.at(table[1], layout.plan_path(RUN_ID)), to_json(newer))
    with pytest.raises(UsageError, match=f"output schema {SCHEMA_VERSION + 1}, and .* up to {SCHEMA_VERSION}"):
        read_plan(*table, RUN_ID)


def test_the_tracks_must_add_up() -> None:
    with pytest.raises(ValidationError, match="do not add up"):
        make_plan(5, listed=9, skipped=5)


@pytest.mark.parametrize(("tracks", "shards"), [(0, 0), (1, 1), (2, 1), (3, 2), (1000, 500)])
def test_the_last_shard_may_be_short(tracks: int, shards: int) -> None:
    assert make_plan(tracks, shard_tracks=2).shards == shards


def test_runs_are_found_oldest_first_and_nothing_else(table: tuple[Store, str]) -> None:
    store, output = table
    later = "20270101T000000Z-000000"
    for name in [later, RUN_ID, "_heads", "notes", "20269999T999999Z-000000", "99991231T235959Z-ffffff"]:
        store.create(layout.at(output, layout.run_path(name, "plan.json")), b"{}")
    assert list(run_ids(store, output)) == [RUN_ID, later]


def test_a_run_is_planned_after_those_before_it(table: tuple[Store, str]) -> None:
    store, output = table
    assert next_planning_time(store, output, PLANNED_AT) == PLANNED_AT
    write_plan(store, output, make_plan())
    slow_clock = PLANNED_AT - timedelta(days=3)
    assert next_planning_time(store, output, slow_clock) == PLANNED_AT + timedelta(seconds=1)
    assert next_planning_time(store, output, PLANNED_AT + timedelta(days=1)) == PLANNED_AT + timedelta(days=1)
