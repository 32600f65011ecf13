"""A failed run stays failed until something changes, whatever a scheduler starts in between."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from sink.shard_rows import make_plan, make_track, reject, score

from genre_batch.catalog.listing import write_listing
from genre_batch.catalog.reject import RejectReason
from genre_batch.config import ScoreConfig, load
from genre_batch.run.failure import failure, still_failed, verdict_on
from genre_batch.sink.finish import Latest, settle, write_manifest
from genre_batch.sink.json_records import read_pointer
from genre_batch.sink.layout import listing_folder
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import write_plan
from genre_batch.sink.verdict import Verdict
from genre_batch.storage.local import LocalStore

CORRUPT, TIMEOUT = RejectReason.CORRUPT, RejectReason.READ_FAILED
STORE = LocalStore()
NIGHT, RETRY, AGAIN = (f"20261121T00000{number}Z-000000" for number in range(3))


@pytest.fixture
def config(tmp_path: Path) -> ScoreConfig:
    return load(ScoreConfig, None, (), {"source": "s3://music/", "output": str(tmp_path)})


def carried_out(
    config: ScoreConfig,
    run_id: str,
    scored: Iterable[int],
    rejected: Mapping[int, RejectReason],
    before: Verdict | None = None,
    listed: int = 10,
) -> Verdict | None:
    """A run over the tracks of these numbers, carried out and judged after one that failed, if there is one."""
    answers = [score(make_track(number)) for number in scored]
    rejects = [reject(make_track(number), reason) for number, reason in rejected.items()]
    tracks = sorted((row.track for row in [*answers, *rejects]), key=lambda track: track.track_id)
    count = len(tracks)
    plan = make_plan(count, run_id=run_id, shard_tracks=count, listed=listed, skipped=listed - count)
    write_plan(STORE, config.output, plan)
    write_listing(tracks, STORE, listing_folder(config.output, run_id))
    ledger = Ledger(STORE, config.output, plan)
    ledger.commit(0, answers, rejects)
    verdict = verdict_on(STORE, config, write_manifest(STORE, config.output, plan, ledger.records()), before)
    settle(STORE, config.output, plan, verdict)
    return verdict


def failed_night(config: ScoreConfig) -> Verdict:
    """Ten tracks, four of them rejected: one of these will be tried again by itself."""
    verdict = carried_out(config, NIGHT, range(6), {6: CORRUPT, 7: CORRUPT, 8: CORRUPT, 9: TIMEOUT})
    assert verdict is not None
    return verdict


def latest(config: ScoreConfig) -> str | None:
    found = read_pointer(STORE, f"{config.output}/_latest.json", Latest)
    return found[0].run_id if found else None


def test_a_failed_run_says_which_one_it_is(config: ScoreConfig) -> None:
    given = failure(failed_night(config))
    assert given.message == f"run {NIGHT} failed: 4 of 10 tracks rejected, more than max_reject_rate allows"
    assert given.hint.startswith(f"look at {config.output}/rejects")


def test_a_start_that_finds_nothing_to_do_repeats_it(config: ScoreConfig) -> None:
    night = failed_night(config)
    plan = make_plan(0, run_id=RETRY, listed=10, skipped=10)
    for _ in range(2):
        given = still_failed(STORE, config, plan, night)
        assert given is not None
        assert given.message.startswith(f"run {NIGHT} failed, and nothing has changed since: 4 of 10 tracks rejected")
    assert latest(config) is None


def test_another_limit_accepts_it_for_good(config: ScoreConfig) -> None:
    night = failed_night(config)
    lenient = config.model_copy(update={"max_reject_rate": 0.5})
    assert still_failed(STORE, lenient, make_plan(0, run_id=RETRY, listed=10, skipped=10), night) is None
    assert latest(config) == NIGHT


@pytest.mark.parametrize(("listed", "is_failure"), [(10, True), (9, True), (8, False), (3, False), (12, True)])
def test_bad_tracks_may_leave_the_catalog(config: ScoreConfig, listed: int, is_failure: bool) -> None:
    plan = make_plan(0, run_id=RETRY, listed=listed, skipped=listed)
    assert (still_failed(STORE, config, plan, failed_night(config)) is not None) == is_failure


def test_a_retry_of_one_passing_fault_does_not_turn_the_night_green(config: ScoreConfig) -> None:
    night = failed_night(config)
    retry = carried_out(config, RETRY, [9], {}, night)
    assert retry is not None
    assert retry.runs == (NIGHT, RETRY)
    assert (retry.counts.scored, retry.counts.rejected_by_reason) == (7, {CORRUPT: 3})
    assert f"run {RETRY} failed, together with the tracks of run {NIGHT}: 3 of 10 tracks" in failure(retry).message
    assert latest(config) is None


def test_retries_that_bring_enough_answers_do(config: ScoreConfig) -> None:
    retry = carried_out(config, RETRY, [], {9: TIMEOUT}, failed_night(config))
    assert retry is not None
    assert retry.counts.rejected_by_reason == {CORRUPT: 3, TIMEOUT: 1}
    # tracks of both runs before it
    assert carried_out(config, AGAIN, [6, 9], {7: CORRUPT, 8: CORRUPT}, retry) is None
    assert latest(config) == AGAIN


def test_a_new_track_makes_a_run_of_its_own(config: ScoreConfig) -> None:
    assert carried_out(config, RETRY, [9, 10], {}, failed_night(config), listed=11) is None
    assert latest(config) == RETRY
