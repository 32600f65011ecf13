"""The output of a week: nights with rejects and retries, one failure, a publication, canaries and an unfinished run."""

from datetime import timedelta
from pathlib import Path

import numpy as np
from outputs import make_run, write_rows
from sink.shard_rows import PLANNED_AT, reject, score

from genre_batch.catalog.reject import RejectReason
from genre_batch.catalog.track import Track
from genre_batch.engine.usage import Usage
from genre_batch.publish.publishing import PublishConfig, publish
from genre_batch.run.run_report import ForecastRatios, make_report
from genre_batch.sink import layout
from genre_batch.sink.canary_record import CanaryAnswer, CanaryCheck, CanaryRecord, write_canary_record
from genre_batch.sink.finish import read_manifest
from genre_batch.sink.plan import RunPlan, write_plan
from genre_batch.sink.record import Counts
from genre_batch.sink.verdict import Verdict, write_verdict
from genre_batch.storage.local import LocalStore

GENRES = ("jazz", "<script>alert(1)</script>", "acousticsingersongwriterfolkrevivalinstrumental", None)
NIGHTS = 5
TRACKS = 40
RATIOS = ForecastRatios(hours=1.25, cpu=0.875, bytes_read=1.0, reads=1.0, cost=1.5)
_CORRUPT, _GONE = RejectReason.CORRUPT, RejectReason.GONE


def night_tracks(night: int) -> list[Track]:
    """New tracks, after the first of the night before, which is tried again."""
    numbers = [*([TRACKS * (night - 1)] if night else []), *range(TRACKS * night, TRACKS * (night + 1))]
    names = [f"{number:04d}<b>&.mp3" for number in numbers]
    return [Track(name, f"s3://music/{name}", f"e{night}", 1000) for name in names]


def write_night(output: Path, night: int) -> RunPlan:
    """One finished night, its report and its canaries. Its first new track is gone, every tenth other one corrupt."""
    rng, scored, rejected = np.random.default_rng(night), [], []
    tracks = night_tracks(night)
    for number, track in enumerate(tracks):
        new = number - bool(night)
        if new >= 0 and new % 10 == 0:
            rejected.append(reject(track, _CORRUPT if new else _GONE))
        else:
            genre = GENRES[number % len(GENRES)] if night < NIGHTS - 1 else GENRES[number % 2]
            scored.append(score(track, genre, float(np.float32(rng.random()))))
    store, plan = LocalStore(), make_run(night, len(tracks), run_kind="nightly")
    write_rows(store, str(output), plan, scored, rejected)
    manifest = read_manifest(store, str(output), plan.run_id)
    assert manifest
    usage = Usage(tracks=len(tracks), cpu_s=0.25 * len(tracks), first_sent_s=0.0, last_commit_s=8.0 + night, cost=1.75)
    report = make_report(
        str(output), plan, manifest.counts, usage, resumed=False, wall_s=20.0, forecast_error=RATIOS, currency="EUR"
    )
    path = layout.at(str(output), layout.run_path(plan.run_id, "report.json"))
    store.write(path, report.model_dump_json(indent=1).encode())
    write_canary_record(store, str(output), plan.run_id, canaries(night, changed=night == NIGHTS - 1))
    return plan


def canaries(night: int, *, changed: bool) -> CanaryRecord:
    """A check in which one clip has changed, or none has."""
    expected = {"clip": "pulse.mp3", "expected": "jazz", "expected_probability": 0.75}
    found = {"genre": "rock", "probability": 0.25, "change": 0.5} if changed else {}
    alike = {"genre": "jazz", "probability": 0.75, "change": 0.0}
    answers = (
        CanaryAnswer.model_validate({**expected, **alike, **found}),
        CanaryAnswer.model_validate({**expected, **alike, "clip": "drone.m4a"}),
    )
    at = PLANNED_AT + timedelta(days=night)
    return CanaryRecord(checks=(CanaryCheck(moment="end", at=at, tolerance=0.02, answers=answers),))


def finished_catalog(output: Path) -> list[RunPlan]:
    """All nights but the last are published; the third failed. A backfill is planned and did nothing yet."""
    plans = []
    for night in range(NIGHTS):
        plans.append(write_night(output, night))
        if night == 2:
            verdict = Verdict(
                message="5 rejected", hint="", max_reject_rate=0.1, listed=41, counts=Counts(), runs=(plans[-1].run_id,)
            )
            write_verdict(LocalStore(), str(output), plans[-1].run_id, verdict)
        if night == NIGHTS - 2:
            assert publish(PublishConfig(output=str(output))).outcome == "published"
    write_plan(LocalStore(), str(output), make_run(NIGHTS, 1000, run_kind="backfill"))
    return plans
