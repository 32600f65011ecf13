"""What is kept about a failed run, and how a later start finds it."""

import pytest
from sink.shard_rows import RUN_ID, make_plan

from genre_batch.catalog.reject import RejectReason
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.finish import finish
from genre_batch.sink.plan import write_plan
from genre_batch.sink.record import Counts
from genre_batch.sink.verdict import Verdict, failure_before, has_failed, read_verdict, write_verdict
from genre_batch.storage.store import Store

BEFORE, NOW = "20261120T000000Z-aaaaaa", "20261122T000000Z-000000"
COUNTS = Counts(scored=6, rejected_by_reason={RejectReason.CORRUPT: 4})


def failed(run_id: str = RUN_ID) -> Verdict:
    return Verdict(message="too many", hint="look", max_reject_rate=0.25, listed=10, counts=COUNTS, runs=(run_id,))


def test_a_verdict_is_kept_and_can_be_lifted(table: tuple[Store, str]) -> None:
    assert (read_verdict(*table, RUN_ID), has_failed(*table, RUN_ID)) == (None, False)
    write_verdict(*table, RUN_ID, None)
    write_verdict(*table, RUN_ID, failed())
    assert (read_verdict(*table, RUN_ID), has_failed(*table, RUN_ID)) == (failed(), True)
    write_verdict(*table, RUN_ID, None)
    assert (read_verdict(*table, RUN_ID), has_failed(*table, RUN_ID)) == (None, False)


def test_a_verdict_that_is_none_is_damage(table: tuple[Store, str]) -> None:
    store, output = table
    store.write(layout.at(output, layout.verdict_path(RUN_ID)), b"{}")
    with pytest.raises(DamageFound, match="is not a Verdict"):
        read_verdict(store, output, RUN_ID)


def test_the_last_run_of_the_same_kind_that_ended_decides(table: tuple[Store, str]) -> None:
    now = make_plan(run_id=NOW)
    assert failure_before(*table, now) is None
    write_plan(*table, make_plan(run_id=BEFORE))
    write_verdict(*table, BEFORE, failed(BEFORE))
    # these were planned later and have no say: one never ended, the others are of another source or model
    write_plan(*table, make_plan(run_id=RUN_ID))
    for number, other in enumerate([{"source": "s3://other/"}, {"model_id": "m"}, {"fingerprint": "x"}]):
        plan = make_plan(0, run_id=f"20261121T07000{number}Z-000000", **other)
        write_plan(*table, plan)
        finish(*table, plan, [])
    assert failure_before(*table, now) == failed(BEFORE)
    assert failure_before(*table, now.model_copy(update={"source": "s3://music"})) == failed(BEFORE)
    assert failure_before(*table, make_plan(run_id=BEFORE)) is None
    finish(*table, make_plan(0), [])
    assert failure_before(*table, now) is None
