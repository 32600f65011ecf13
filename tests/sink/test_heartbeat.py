"""The heartbeat of a run on storage."""

from datetime import UTC, datetime

from sink.shard_rows import RUN_ID

from genre_batch.sink.heartbeat import DriverFacts, Heartbeat, read_heartbeat, swap_heartbeat
from genre_batch.storage.store import Store

ME = DriverFacts(driver="a", host="spot-7", machine="boot", pid=7, pid_since_s=1.5)
NOW = datetime(2026, 11, 29, tzinfo=UTC)
FIRST = Heartbeat(run_id=RUN_ID, state="working", by=ME, beat=1, started_at=NOW, at=NOW)


def test_only_the_version_that_was_read_is_replaced(table: tuple[Store, str]) -> None:
    assert read_heartbeat(*table, RUN_ID) is None
    assert swap_heartbeat(*table, FIRST, None)
    found = read_heartbeat(*table, RUN_ID)
    assert found is not None
    assert found[0] == FIRST
    second = FIRST.model_copy(update={"beat": 2})
    assert swap_heartbeat(*table, second, found[1])
    assert not swap_heartbeat(*table, FIRST.model_copy(update={"beat": 3}), found[1])
    assert not swap_heartbeat(*table, FIRST.model_copy(update={"beat": 4}), None)
    again = read_heartbeat(*table, RUN_ID)
    assert again is not None
    assert again[0] == second


def test_the_driver_has_a_name_for_people() -> None:
    assert ME.name() == "spot-7 (process 7)"
