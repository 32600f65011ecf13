"""Small outputs without audio: planned, committed and finished through the sink, as the pipeline does it."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from sink.shard_rows import PLANNED_AT, cut, make_plan, reject, score

from genre_batch.catalog.listing import write_listing
from genre_batch.catalog.reject import RejectReason
from genre_batch.catalog.track import Track
from genre_batch.config import ScoreConfig, dump
from genre_batch.engine.usage import Usage
from genre_batch.run.run_report import make_report
from genre_batch.sink import layout
from genre_batch.sink.finish import finish
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.run_claim import advance_head, claim_run
from genre_batch.sink.run_facts import make_run_id
from genre_batch.sink.schema import RejectedTrack, ScoredTrack
from genre_batch.storage.store import Store

SHARD_TRACKS = 4


def tracks_of(numbers: Sequence[int], etag: str = "v1") -> list[Track]:
    names = [f"s3://music/{number:04d} Été\n%20.mp3" for number in numbers]
    return [Track(name, name, f"{etag}-{number}", 1000 + number) for name, number in zip(names, numbers, strict=True)]


def outcome(track: Track) -> ScoredTrack | RejectedTrack:
    """Every fifth track is a reject; of the others, every third is one that the model abstains on."""
    number = track.size_bytes - 1000
    if number % 5 == 3:
        return reject(track, RejectReason.CORRUPT if number % 2 else RejectReason.READ_FAILED)
    return score(track, None if number % 3 == 1 else "jazz", 0.5 + number % 8 / 16)


def plan_run(store: Store, output: str, tracks: Sequence[Track], day: int = 0, **changes: object) -> RunPlan:
    """A run over `tracks`, planned `day` days later than the first."""
    planned_at = PLANNED_AT + timedelta(days=day)
    run_id = make_run_id(planned_at, day.to_bytes(3, "big"))
    settings = dump(ScoreConfig(source="s3://music/", output=output, shard_tracks=SHARD_TRACKS)).encode()
    info = write_listing(tracks, store, layout.listing_folder(output, run_id), file_rows=6)
    store.write(layout.at(output, layout.run_path(run_id, "config.yaml")), settings)
    facts = {
        "run_id": run_id,
        "planned_at": planned_at,
        "config_sha256": hashlib.sha256(settings).hexdigest(),
        "listing_sha256": hashlib.sha256(info.as_json()).hexdigest(),
        "size_bytes": info.size_bytes,
        "shard_tracks": SHARD_TRACKS,
    }
    plan = make_plan(len(tracks), **facts | changes)
    source = plan.source.rstrip("/")
    claim = claim_run(store, output, source=source, model_id=plan.model_id, fingerprint=plan.fingerprint)
    assert advance_head(store, output, plan, claim)
    return plan


def commit_shards(store: Store, output: str, plan: RunPlan, tracks: Sequence[Track], shards: Sequence[int]) -> Ledger:
    ledger = Ledger(store, output, plan)
    pieces = cut(tracks, plan.shard_tracks)
    for shard in shards:
        rows = [outcome(track) for track in pieces[shard]]
        scored = [row for row in rows if isinstance(row, ScoredTrack)]
        ledger.commit(shard, scored, [row for row in rows if isinstance(row, RejectedTrack)])
    return ledger


def finished_run(store: Store, output: str, tracks: Sequence[Track], day: int = 0, **changes: object) -> RunPlan:
    """A whole run, with the report that the pipeline writes last."""
    plan = plan_run(store, output, tracks, day, **changes)
    ledger = commit_shards(store, output, plan, tracks, range(plan.shards))
    manifest = finish(store, output, plan, ledger.records())
    usage = Usage(tracks=len(tracks), bytes_read=12_345)
    report = make_report(output, plan, manifest.counts, usage, resumed=False, wall_s=12.5)
    uri = layout.at(output, layout.run_path(plan.run_id, "report.json"))
    store.write(uri, report.model_dump_json(indent=1).encode())
    return plan


def two_runs(store: Store, output: str) -> tuple[RunPlan, RunPlan]:
    """A run over 15 tracks, then one over new tracks and one that has changed."""
    first = finished_run(store, output, tracks_of(range(15)))
    second = finished_run(store, output, sorted([*tracks_of([2], "v2"), *tracks_of(range(15, 20))]), day=1)
    return first, second
