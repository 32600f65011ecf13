"""Which run this is: an unfinished one that is resumed, or a new one whose listing is frozen before any work."""

import hashlib
import secrets
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.listing import write_batches
from genre_batch.catalog.shards import PartPlan, suitable_shard_tracks
from genre_batch.catalog.source import list_tracks
from genre_batch.config import TableConfig, dump
from genre_batch.errors import UsageError, UserError
from genre_batch.run.job import Job
from genre_batch.run.libraries import library_versions
from genre_batch.run.progress import Progress, shown
from genre_batch.run.resuming import refusal
from genre_batch.sink import layout
from genre_batch.sink.anti_join import new_rows
from genre_batch.sink.history import done_runs, tried_again
from genre_batch.sink.plan import RunPlan, next_planning_time
from genre_batch.sink.run_facts import make_run_id
from genre_batch.sink.turn import Turn, publish, take_turn, unfinished_beside
from genre_batch.storage.store import Store

_LOST_TURNS = 10
_LARGEST_SHARD = {"scores": 524_288, "features": 16_384}
"""Files of 32 MB and more: a row of scores takes 70 bytes, the rows of a track's features 2 KB (decision 14)."""
_LARGEST_PART = {"scores": 16_384, "features": 4096}
"""The driver holds one to two parts of rows, and up to 5 KB a track of scores while it writes one."""


def resume_or_plan(config: TableConfig, job: Job, store: Store) -> tuple[RunPlan, bool]:
    """The plan to carry out, and whether it is an unfinished run's.

    A plan with 0 tracks is not written anywhere: there is nothing to do. Raises UserError for a source that cannot be
    listed or has no track, UsageError as `turn_of` does.
    """
    for _ in range(_LOST_TURNS):
        turn = turn_of(config, job, store)
        if turn.unfinished is not None:
            return turn.unfinished, True
        plan = _plan(config, job, store)
        if plan.tracks == 0 or publish(store, config.output, plan, turn):
            return plan, False
    raise UserError("other runs over this source keep starting", "let one of them finish, then start again")


def turn_of(config: TableConfig, job: Job, store: Store) -> Turn:
    """The turn of runs over this source with this job; a slash at the end of the source makes no difference.

    Raises UsageError where one with another job is unfinished, unless the settings allow another beside it.
    """
    source = config.source.rstrip("/")
    turn = take_turn(store, config.output, source=source, model_id=job.model_id, fingerprint=job.fingerprint)
    if turn.unfinished is None and not config.beside_unfinished:
        key = job.model_id, job.fingerprint
        for plan in unfinished_beside(store, config.output, turn, job.answers, key):
            raise refusal(store, config, job, plan)
    return turn


def parts_of(config: TableConfig, job: Job, tracks: int) -> PartPlan:
    """How a run over so many tracks is cut: as the settings say, else as it suits the catalog."""
    shard_tracks = config.shard_tracks or suitable_shard_tracks(tracks, _LARGEST_SHARD[job.answers])
    return PartPlan(tracks, shard_tracks, config.part_tracks or _LARGEST_PART[job.answers])


def listing_folder(output: str, run_id: str) -> str:
    """Where the frozen listing of a run lies."""
    return layout.at(output, layout.run_path(run_id, "listing/"))


def unscored(config: TableConfig, job: Job, store: Store, listed: Progress) -> Iterator[pa.RecordBatch]:
    """The tracks of the source that have no outcome of this job yet, as rows in listing order; `listed` counts all.

    What runs wrote is not a track, so that a table may lie in the bucket it is about. Raises UserError for a source
    that cannot be listed or has no track.
    """
    history = done_runs(store, config.output, job.model_id, job.fingerprint)
    with shown(Progress("listing")) as progress, history as done:
        found = list_tracks(config.source, progress.update, max_denied_in_a_row=config.max_denied_in_a_row)
        tracks = (batch.filter(pc.invert(layout.are_own(config.output, batch["uri"]))) for batch in found.batches())
        yield from new_rows(listed.counted(tracks), done, tried_again(config.retry))
    if not listed.tracks:
        raise UsageError(f"there is no track in {config.source}", "it holds only what earlier runs wrote")


def _plan(config: TableConfig, job: Job, store: Store) -> RunPlan:
    planned_at = next_planning_time(store, config.output, datetime.now(UTC))
    run_id = make_run_id(planned_at, secrets.token_bytes(3))
    listed = Progress("listed")
    listing = write_batches(unscored(config, job, store, listed), store, listing_folder(config.output, run_id))
    if listing.tracks:
        store.write(layout.at(config.output, layout.run_path(run_id, "config.yaml")), dump(config).encode())
    parts = parts_of(config, job, listing.tracks)
    return RunPlan(
        run_id=run_id,
        answers=job.answers,
        model_id=job.model_id,
        fingerprint=job.fingerprint,
        planned_at=planned_at,
        git_sha=_git_sha(),
        config_sha256=hashlib.sha256(dump(config).encode()).hexdigest(),
        versions=library_versions(),
        source=config.source,
        shard_tracks=parts.shard_tracks,
        part_tracks=parts.part_tracks,
        listed=listed.tracks,
        skipped=listed.tracks - listing.tracks,
        tracks=listing.tracks,
        size_bytes=listing.size_bytes,
        listing_sha256=hashlib.sha256(listing.as_json()).hexdigest(),
    )


def _git_sha() -> str:
    """The commit of the checkout this runs from; empty for an installed package."""
    checkout = Path(__file__).parents[2]
    command = ["git", "-C", str(checkout), "rev-parse", "--show-toplevel", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    top_level, commit = answer.splitlines()
    return commit if Path(top_level) == checkout else ""
