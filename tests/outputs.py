"""Outputs with the rows that a test names, written through the sink as runs write them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from sink.shard_rows import PLANNED_AT, make_plan, reject

from genre_batch.catalog.reject import RejectReason
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.model.scores import Score
from genre_batch.sink.finish import finish
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.run_facts import make_run_id
from genre_batch.sink.schema import AnsweredTrack, ScoredTrack
from genre_batch.sink.tables import MakeTable, make_scores
from genre_batch.storage.store import Store

Outcomes = Mapping[tuple[str, str], str | RejectReason]
"""(track_id, etag) -> a genre, or the reason of a reject."""


def make_run(day: int, tracks: int, **changes: object) -> RunPlan:
    """The plan of a run `day` days after the first, of one shard."""
    planned_at = PLANNED_AT + timedelta(days=day)
    facts = {"run_id": make_run_id(planned_at, b"abc"), "planned_at": planned_at, "shard_tracks": max(1, tracks)}
    return make_plan(tracks, **(facts | changes))


def write_run(
    store: Store, output: str, day: int, outcomes: Outcomes, *, embedding: bytes | None = None, **changes: object
) -> RunPlan:
    """A finished run of scores with one shard, and with these outcomes. Without outcomes, it is only planned."""
    tracks = {key: Track(key[0], f"s3://music/{key[0]}", key[1], 1000) for key in sorted(outcomes)}
    scored: list[AnsweredTrack] = []
    rejected = []
    for key, track in tracks.items():
        outcome = outcomes[key]
        if isinstance(outcome, RejectReason):
            rejected.append(reject(track, outcome))
        else:
            score = Score(outcome, 0.75, ((outcome, 0.75), ("other", 0.25)), False, 10, embedding)
            scored.append(ScoredTrack(track, TrackFacts(30.0, 15.0, "soundfile", 44_100, 2), score))
    return write_rows(store, output, make_run(day, len(tracks), **changes), scored, rejected)


def write_rows(
    store: Store,
    output: str,
    plan: RunPlan,
    answered: Sequence[AnsweredTrack],
    rejected: Sequence[object] = (),
    make_table: MakeTable = make_scores,
) -> RunPlan:
    """A finished run with these rows in its only shard."""
    ledger = Ledger(store, output, plan, make_table)
    if plan.tracks:
        ledger.commit(0, answered, rejected)  # type: ignore[arg-type]
    finish(store, output, plan, ledger.records())
    return plan
