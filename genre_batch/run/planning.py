"""Which run this is: an unfinished one to resume, or a new one, whose listing is frozen before any work."""

import hashlib
import secrets
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.catalog_file import LookUp, is_catalog_file
from genre_batch.catalog.listing import GROUP_ROWS, Listing, write_batches
from genre_batch.catalog.name_patterns import Selection, selection_for
from genre_batch.catalog.source import list_tracks
from genre_batch.catalog.work_order import in_order_of_work
from genre_batch.catalog.work_units import PartPlan, Shard, suitable_shard_tracks
from genre_batch.config import TableConfig, dump
from genre_batch.errors import UsageError, UserError
from genre_batch.history.anti_join import new_rows
from genre_batch.history.past_outcomes import by_track_id, outcomes_of, past_runs, retryable_reasons
from genre_batch.history.unlisted import Unlisted, write_unlisted
from genre_batch.notices import say
from genre_batch.run.jobs import Job
from genre_batch.run.possession import is_at_work
from genre_batch.run.progress import Progress, shown
from genre_batch.run.resume import library_versions, resume_refusal
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan, next_planning_time
from genre_batch.sink.run_claim import RunClaim, advance_head, claim_run, unfinished_beside, unfinished_runs
from genre_batch.sink.run_facts import make_run_id
from genre_batch.sink.schema import SCHEMA_VERSION
from genre_batch.storage.open_store import absolute
from genre_batch.storage.store import Store
from genre_batch.wording import plural

_CLAIM_ATTEMPTS = 10
_LARGEST_SHARD = {"scores": 524_288, "features": 16_384}
"""Makes files of about 32 MB: a row of scores takes 70 bytes, a track's rows of features 2 kB (decision 14)."""
_LARGEST_PART = {"scores": 16_384, "features": 4096}
"""The driver holds one or two parts of rows, and up to 5 kB per track of scores while it writes one."""


ListedRows = Iterator[pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class Siblings:
    """What the runs that one start plans one after the other know of each other.

    keys: the model_id and fingerprint of each; they do not refuse each other. listed: called with the rows of the
    source, returns those that the run is planned from: the same for all, so that the source is listed once.
    """

    keys: frozenset[tuple[str, str]] = frozenset()
    listed: Callable[[ListedRows], ListedRows] = iter


ALONE = Siblings()


def resume_or_plan(
    config: TableConfig,
    job: Job[TableConfig],
    store: Store,
    check_new: Callable[[int], object] | None = None,
    look_up_many: LookUp | None = None,
    siblings: Siblings = ALONE,
    finish_at: datetime | None = None,
) -> tuple[RunPlan, bool]:
    """The plan to carry out, and whether it is that of an unfinished run.

    A plan of 0 tracks means that there is nothing to do, and is not written. check_new: called once it is known that a
    new run has work to do, with how many tracks are found so far, before anything is written; what it raises ends the
    planning. look_up_many: see `list_tracks`. finish_at: when a new run is to finish, by `finish_by` of the settings.
    Raises UserError if the source cannot be listed or has no track, UsageError as `claim_for` does.
    """
    for _ in range(_CLAIM_ATTEMPTS):
        claim = claim_for(config, job, store, siblings)
        if claim.unfinished is not None:
            return claim.unfinished, True
        plan, check_new = _plan(config, job, store, check_new, look_up_many, siblings, finish_at), None
        if plan.tracks == 0 or advance_head(store, config.output, plan, claim):
            return plan, False
    raise UserError("other runs over this source keep starting", "let one of them finish, then start again")


def claim_for(config: TableConfig, job: Job[TableConfig], store: Store, siblings: Siblings = ALONE) -> RunClaim:
    """The claim on the next run of this job over this source, whether or not the source ends in a slash.

    Raises UsageError if a run of another job over this source is unfinished, unless the settings allow both or it is
    that of a sibling.
    """
    source = config.source.rstrip("/")
    claim = claim_run(
        store,
        config.output,
        source=source,
        model_id=job.model_id,
        fingerprint=job.fingerprint,
        run_kind=config.run_kind,
    )
    if claim.unfinished is None and not config.beside_unfinished:
        key = job.model_id, job.fingerprint
        for plan in unfinished_beside(store, config.output, claim, job.answers, key):
            if (plan.model_id, plan.fingerprint) not in siblings.keys:
                raise resume_refusal(store, config, job, plan)
    return claim


def part_plan(config: TableConfig, job: Job[TableConfig], tracks: int) -> PartPlan:
    """How a run over `tracks` tracks is cut: as the settings say, or to suit the size of the catalog."""
    shard_tracks = config.shard_tracks or suitable_shard_tracks(tracks, _LARGEST_SHARD[job.answers])
    return PartPlan(tracks, shard_tracks, config.part_tracks or _LARGEST_PART[job.answers])


def unscored(
    config: TableConfig,
    job: Job[TableConfig],
    store: Store,
    listed: Progress,
    selection: Selection,
    past: Sequence[RunPlan],
    gone: Unlisted,
    look_up_many: LookUp | None = None,
    siblings: Siblings = ALONE,
) -> ListedRows:
    """The tracks of the source without an outcome of this job, as rows in listing order; `listed` counts all tracks.

    Files that runs wrote are left out, so that a table may share a bucket with its music, then those that `selection`
    does not take, which counts them, and what is left to unfinished runs of another kind. past: the earlier runs of
    this job. gone: gets what of them is not listed. Raises UserError if the source cannot be listed or has no track.
    """
    with shown(Progress("listing")) as progress, outcomes_of(store, config.output, past) as done:
        found = list_tracks(
            config.source,
            progress.update,
            max_denied_in_a_row=config.max_denied_in_a_row,
            request_payer=config.request_payer,
            look_up_many=look_up_many,
        )
        tracks = (
            batch.filter(pc.invert(layout.are_own(config.output, batch["uri"])))
            for batch in siblings.listed(found.batches())
        )
        runs = _with_left_out(past, done, left_to_others(config, job, store), store, config.output)
        taken = listed.counted(selection.taken(tracks))
        yield from new_rows(taken, runs, retryable_reasons(config.retry), gone)
    if not listed.tracks and selection.left_out:
        raise selection.nothing_left(config.source)
    if not listed.tracks:
        raise UsageError(f"there are no tracks in {config.source}", "it holds only what earlier runs wrote")


def left_to_others(config: TableConfig, job: Job[TableConfig], store: Store) -> Iterator[RunPlan]:
    """The unfinished runs of another kind whose tracks a new run leaves to them, each said on stderr.

    They would label the same tracks. A backfill takes days and is often paused; of other runs, only those that a driver
    works on now keep their tracks: nobody may ever continue a first try. A run of the same kind over this source is
    continued and not left out; over another source it is not known to overlap, and what it has committed is seen before
    each part.
    """
    key = job.model_id, job.fingerprint
    for plan in unfinished_runs(store, config.output):
        if plan.run_kind == config.run_kind or (plan.model_id, plan.fingerprint) != key:
            continue
        if "backfill" in (plan.run_kind, config.run_kind) or is_at_work(store, config.output, plan):
            say(
                f"the unfinished {plan.run_kind} run {plan.run_id} keeps the {plural(plan.tracks, 'track')} that it "
                f"listed; to give it up: {layout.give_up_hint(config.output, plan.run_id)}"
            )
            yield plan


def _with_left_out(
    past: Sequence[RunPlan],
    done: Mapping[int, ListedRows],
    left_out: Iterable[RunPlan],
    store: Store,
    output: str,
) -> dict[int, ListedRows]:
    """What past runs have done and, at the time of their planning, all that the runs `left_out` have listed.

    A track that has changed since then has a newer outcome, and must not be labelled again each night.
    """
    listed = ((-1 - number, plan) for number, plan in enumerate(left_out))
    timed = sorted([*enumerate(past), *listed], key=lambda each: each[1].run_id)
    return {number: done[number] if number >= 0 else _as_outcomes(store, output, plan) for number, plan in timed}


def _as_outcomes(store: Store, output: str, plan: RunPlan) -> ListedRows:
    """The tracks of a run as if each had its answer already."""
    listing = Listing(store, layout.listing_folder(output, plan.run_id))

    def rows(shard: Shard) -> ListedRows:
        for start in range(shard.start, shard.stop, GROUP_ROWS):
            found = listing.table(start, min(start + GROUP_ROWS, shard.stop)).select(["track_id", "etag"])
            yield from found.append_column("reason", pa.nulls(found.num_rows, pa.string())).to_batches()

    return by_track_id(plan, map(rows, plan.parts.shards))


def _after(check: Callable[[int], object], rows: ListedRows) -> ListedRows:
    """The same rows; `check` is called before the first of them, with how many there are at least."""
    for number, batch in enumerate(rows):
        if number == 0:
            check(batch.num_rows)
        yield batch


def _plan(
    config: TableConfig,
    job: Job[TableConfig],
    store: Store,
    check_new: Callable[[int], object] | None,
    look_up_many: LookUp | None,
    siblings: Siblings,
    finish_at: datetime | None,
) -> RunPlan:
    planned_at = next_planning_time(store, config.output, datetime.now(UTC))
    run_id = make_run_id(planned_at, secrets.token_bytes(3))
    listed, selection = Progress("listed"), selection_for(config.source, config.include, config.exclude)
    past = list(past_runs(store, config.output, job.model_id, job.fingerprint))
    gone = Unlisted(number for number, plan in enumerate(past) if _is_full_listing(config, selection, plan))
    rows = unscored(config, job, store, listed, selection, past, gone, look_up_many, siblings)
    rows, in_order = _after(check_new, rows) if check_new else rows, None
    if is_newest_first(config):
        rows, in_order = in_order_of_work(rows, lambda tracks: part_plan(config, job, tracks).shard_tracks)
    listing = write_batches(rows, store, layout.listing_folder(config.output, run_id), sorted_rows=in_order)
    write_unlisted(store, config.output, config.source.rstrip("/"), gone.rows(run_id))
    if listing.tracks:
        store.write(layout.at(config.output, layout.run_path(run_id, "config.yaml")), dump(config).encode())
    parts = part_plan(config, job, listing.tracks)
    return RunPlan(
        run_id=run_id,
        answers=job.answers,
        model_id=job.model_id,
        fingerprint=job.fingerprint,
        planned_at=planned_at,
        git_sha=_git_sha(),
        config_sha256=hashlib.sha256(dump(config).encode()).hexdigest(),
        versions=library_versions(),
        schema_version=SCHEMA_VERSION,
        source=config.source,
        include=selection.patterns.include,
        exclude=selection.patterns.exclude,
        left_out=dict(selection.left_out),
        shard_tracks=parts.shard_tracks,
        part_tracks=parts.part_tracks,
        run_kind=config.run_kind,
        listed=listed.tracks,
        skipped=listed.tracks - listing.tracks,
        tracks=listing.tracks,
        size_bytes=listing.size_bytes,
        listing_sha256=hashlib.sha256(listing.as_json()).hexdigest(),
        order="track_id" if in_order is None else "newest",
        finish_by=config.finish_by if finish_at else None,
        finish_at=finish_at.astimezone(UTC) if finish_at else None,
    )


def is_newest_first(config: TableConfig) -> bool:
    """Whether a run is to do first what was left for later, and then the newest tracks.

    A backfill is to do all of them, and spreads its requests over the prefixes of its source.
    """
    return config.run_kind == "nightly" or (config.run_kind == "default" and config.finish_by is not None)


def _is_full_listing(config: TableConfig, selection: Selection, past: RunPlan) -> bool:
    """Whether a track of a past run that is missing from the present listing is gone from the catalog.

    A catalog file may hold only the newest tracks, and other patterns take other tracks.
    """
    same = absolute(past.source.rstrip("/")) == absolute(config.source.rstrip("/"))
    patterns = selection.patterns.include, selection.patterns.exclude
    return same and (past.include, past.exclude) == patterns and not is_catalog_file(config.source)


def _git_sha() -> str:
    """The commit of the checkout that this code runs from; empty for an installed package."""
    checkout = Path(__file__).parents[2]
    command = ["git", "-C", str(checkout), "rev-parse", "--show-toplevel", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    top_level, commit = answer.splitlines()
    return commit if Path(top_level) == checkout else ""
