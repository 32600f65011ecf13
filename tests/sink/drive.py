"""A whole run in miniature, as the pipeline does it: claim, plan or join, commit the shards, finish."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from sink.shard_rows import cut, make_plan, reject, score

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import in_batches, one_by_one
from genre_batch.history.anti_join import new_rows
from genre_batch.history.past_outcomes import done_runs, retryable_reasons
from genre_batch.sink import layout
from genre_batch.sink.finish import finish
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import RunPlan, next_planning_time
from genre_batch.sink.run_claim import advance_head, claim_run
from genre_batch.sink.run_facts import make_run_id
from genre_batch.sink.schema import RejectedTrack, ScoredTrack
from genre_batch.storage.store import Store

Outcome = Callable[[Track], ScoredTrack | RejectedTrack]


def seventh_is_bad(track: Track) -> ScoredTrack | RejectedTrack:
    return reject(track) if "0007" in track.track_id else score(track)


def drive(
    store: Store, output: str, catalog: Sequence[Track], outcome: Outcome, now: datetime, randomness: Iterator[bytes]
) -> str | None:
    """The id of the run that was carried out, alone or with others; None if there was nothing to score."""
    example = make_plan()
    while True:
        claim = claim_run(
            store, output, source=example.source, model_id=example.model_id, fingerprint=example.fingerprint
        )
        if claim.unfinished is not None:
            return score_run(store, output, claim.unfinished, outcome)
        with done_runs(store, output, example.model_id, example.fingerprint) as runs:
            tracks = list(one_by_one(new_rows(in_batches(catalog), runs, retryable_reasons(()))))
        if not tracks:
            return None
        plan = plan_run(store, output, len(catalog), tracks, now, next(randomness))
        if advance_head(store, output, plan, claim):
            return score_run(store, output, plan, outcome)


def plan_run(
    store: Store, output: str, listed: int, tracks: Sequence[Track], now: datetime, randomness: bytes
) -> RunPlan:
    planned_at = next_planning_time(store, output, now)
    run_id = make_run_id(planned_at, randomness)
    rows = [[track.track_id, track.uri, track.etag, track.size_bytes] for track in tracks]
    store.create(_listing(output, run_id), json.dumps(rows).encode())
    return make_plan(len(tracks), run_id=run_id, planned_at=planned_at, listed=listed, skipped=listed - len(tracks))


def score_run(store: Store, output: str, plan: RunPlan, outcome: Outcome) -> str:
    tracks = [Track(*row) for row in json.loads(store.read(_listing(output, plan.run_id)))]
    ledger = Ledger(store, output, plan)
    committed = ledger.shards()
    for shard, shard_tracks in enumerate(cut(tracks, plan.shard_tracks)):
        if shard not in committed:
            rows = [outcome(track) for track in shard_tracks]
            scored = [row for row in rows if isinstance(row, ScoredTrack)]
            ledger.commit(shard, scored, [row for row in rows if isinstance(row, RejectedTrack)])
    finish(store, output, plan, ledger.records())
    return plan.run_id


def _listing(output: str, run_id: str) -> str:
    return layout.at(output, layout.run_path(run_id, "listing/tracks.json"))
