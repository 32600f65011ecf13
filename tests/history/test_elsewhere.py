"""What other runs of the same model commit while a run is at work."""

from collections.abc import Sequence
from datetime import timedelta

import pyarrow as pa
import pytest
from sink.shard_rows import PLANNED_AT, make_plan, make_track, make_tracks, reject, score

from genre_batch.catalog.reject import RejectReason
from genre_batch.catalog.track import Track
from genre_batch.history.elsewhere import DoneElsewhere
from genre_batch.history.past_outcomes import retryable_reasons
from genre_batch.sink import layout
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.run_claim import advance_head, claim_run
from genre_batch.sink.run_facts import make_run_id
from genre_batch.storage.store import Store

Table = tuple[Store, str]


def plan_of(table: Table, day: int, tracks: int, source: str = "s3://music/", **changes: object) -> RunPlan:
    """A run that was planned on this day, and is to be carried out."""
    planned_at = PLANNED_AT + timedelta(days=day)
    facts = {"run_id": make_run_id(planned_at, b"abc"), "planned_at": planned_at, "shard_tracks": 5, "source": source}
    plan = make_plan(tracks, **(facts | changes))
    claim = claim_run(*table, source=source.rstrip("/"), model_id=plan.model_id, fingerprint=plan.fingerprint)
    assert advance_head(*table, plan, claim)
    return plan


def commit(
    table: Table, plan: RunPlan, shard: int, tracks: Sequence[Track], reason: RejectReason | None = None
) -> None:
    scored = [] if reason else [score(track) for track in tracks]
    Ledger(*table, plan).commit(shard, scored, [reject(track, reason) for track in tracks] if reason else [])


def places(table: Table, plan: RunPlan, tracks: Sequence[Track], *retry: RejectReason) -> set[int]:
    settled = DoneElsewhere(*table, plan, retryable_reasons(retry)).settled(tracks)
    assert {reject.reason for reject in settled.values()} <= {RejectReason.DONE_ELSEWHERE}
    return set(settled)


def test_a_run_alone_does_everything(table: Table) -> None:
    mine = plan_of(table, 0, 10)
    commit(table, mine, 0, make_tracks(5))
    assert places(table, mine, make_tracks(10)) == set()


def test_what_later_runs_did_is_done(table: Table) -> None:
    mine, later = plan_of(table, 0, 10), plan_of(table, 1, 5, "s3://music/new/")
    commit(table, later, 0, make_tracks(10)[3:8])
    assert places(table, mine, make_tracks(10)) == {3, 4, 5, 6, 7}
    assert places(table, mine, make_tracks(10)[5:]) == {0, 1, 2}


def test_of_earlier_runs_only_what_comes_after_the_beginning_counts(table: Table) -> None:
    """What they had done before was known when this run was planned."""
    earlier, mine = plan_of(table, 0, 10, "s3://music/old/"), plan_of(table, 1, 10)
    commit(table, earlier, 0, make_tracks(5))
    elsewhere = DoneElsewhere(*table, mine, retryable_reasons(()))
    assert elsewhere.settled(make_tracks(10)) == {}
    commit(table, earlier, 1, make_tracks(10)[5:])
    assert set(elsewhere.settled(make_tracks(10))) == {5, 6, 7, 8, 9}


def test_other_versions_transient_rejects_and_other_models_do_not_count(table: Table) -> None:
    mine = plan_of(table, 0, 10)
    commit(table, plan_of(table, 1, 5, "s3://a/"), 0, [make_track(n, "v2") for n in range(5)])
    commit(table, plan_of(table, 2, 5, "s3://b/"), 0, make_tracks(5), RejectReason.READ_FAILED)
    commit(table, plan_of(table, 3, 5, "s3://c/", fingerprint="0" * 64), 0, make_tracks(5))
    assert places(table, mine, make_tracks(10)) == set()


def test_a_permanent_reject_counts_unless_it_is_to_be_tried_again(table: Table) -> None:
    mine = plan_of(table, 0, 10)
    commit(table, plan_of(table, 1, 5, "s3://a/"), 0, make_tracks(5), RejectReason.CORRUPT)
    assert places(table, mine, make_tracks(10)) == {0, 1, 2, 3, 4}
    assert places(table, mine, make_tracks(10), RejectReason.CORRUPT) == set()


def test_a_damaged_run_does_not_block(table: Table) -> None:
    mine, other = plan_of(table, 0, 10), plan_of(table, 1, 5, "s3://a/")
    table[0].write(layout.at(table[1], layout.plan_path(other.run_id)), b"{")
    assert places(table, mine, make_tracks(10)) == set()


@pytest.mark.parametrize("own", [[0, 1, 7], []])
def test_memory_holds_only_outcomes_of_tracks_of_this_run(table: Table, own: list[int]) -> None:
    """A backfill commits millions of tracks while a nightly run with a few is at work."""
    earlier, mine = plan_of(table, 0, 10, "s3://old/"), plan_of(table, 1, max(1, len(own)))
    ids = pa.array([make_track(number).track_id for number in own], pa.string())
    elsewhere = DoneElsewhere(*table, mine, retryable_reasons(()), lambda: ids)
    for shard in (0, 1):
        commit(table, earlier, shard, make_tracks(10)[5 * shard : 5 * shard + 5])
    assert set(elsewhere.settled([make_track(number) for number in own])) == set(range(len(own)))
    other = elsewhere._other(earlier.run_id)
    assert sum(outcomes.num_rows for outcomes in other.outcomes.values()) == (len(own) if own else 0)
