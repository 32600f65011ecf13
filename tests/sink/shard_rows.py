"""Tracks, outcomes and plans for the tests of the sink."""

from collections.abc import Sequence
from datetime import UTC, datetime

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.model.scores import Score
from genre_batch.sink.parquet import to_bytes
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import SCHEMA_VERSION, RejectedTrack, ScoredTrack
from genre_batch.sink.tables import make_scores, rejects_table

PLANNED_AT = datetime(2026, 11, 21, 6, 52, 12, tzinfo=UTC)
FACTS = TrackFacts(30.0, 15.0, "soundfile", 44_100, 2)
RUN_ID = "20261121T065212Z-3f09ab"


def make_track(number: int, etag: str = "v1") -> Track:
    uri = f"s3://music/{number:04d} Été\n%20.mp3"
    return Track(track_id=uri, uri=uri, etag=etag, size_bytes=1000 + number)


def make_tracks(count: int) -> list[Track]:
    return [make_track(number) for number in range(count)]


def score(track: Track, genre: str | None = "jazz", confidence: float = 0.75) -> ScoredTrack:
    top_k = (("jazz", confidence), ("rock", 1 - confidence))
    return ScoredTrack(track, FACTS, Score(genre, confidence, top_k, genre is None, 1))


def reject(track: Track, reason: RejectReason = RejectReason.CORRUPT) -> RejectedTrack:
    return RejectedTrack(track, Reject(reason, RejectStage.DECODE, f"bad bytes: {reason}"), 2)


def make_plan(tracks: int = 4, **changes: object) -> RunPlan:
    values = {
        "run_id": RUN_ID,
        "model_id": "mel-cnn-1",
        "fingerprint": "f" * 64,
        "planned_at": PLANNED_AT,
        "git_sha": "0" * 40,
        "config_sha256": "c" * 64,
        "versions": {"torch": "2.13.0", "pyarrow": "26.0.1"},
        "schema_version": SCHEMA_VERSION,
        "source": "s3://music/",
        "shard_tracks": 2,
        "listed": tracks,
        "skipped": 0,
        "tracks": tracks,
        "size_bytes": 1000 * tracks,
    }
    return RunPlan.model_validate(values | changes)


def cut(tracks: Sequence[Track], shard_tracks: int) -> list[list[Track]]:
    return [list(tracks[start : start + shard_tracks]) for start in range(0, len(tracks), shard_tracks)]


def scores_file(rows: Sequence[ScoredTrack], run: RunFacts) -> bytes:
    return to_bytes(make_scores(rows, run), run)


def rejects_file(rows: Sequence[RejectedTrack], run: RunFacts) -> bytes:
    return to_bytes(rejects_table(rows, run), run)
