"""A run that failed stays failed when it is started again, until something changes: a scheduler must not turn it green.

New tracks are a change: the run that labels them is judged by its own counts. Tracks that are only tried again are
none: such a run is judged together with the failed one, each track by its newest outcome.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.listing import Listing
from genre_batch.catalog.reject import RejectReason
from genre_batch.config import TableConfig
from genre_batch.run.reject_limits import judge
from genre_batch.run.run_report import Failure
from genre_batch.sink.finish import RunManifest, read_manifest, settle
from genre_batch.sink.layout import at, listing_folder
from genre_batch.sink.parquet import read_columns
from genre_batch.sink.plan import RunPlan, read_plan
from genre_batch.sink.record import Counts
from genre_batch.sink.tables import version_keys
from genre_batch.sink.verdict import Verdict
from genre_batch.storage.store import Store

_OUTCOME = ["track_id", "etag", "reason"]


def verdict_on(store: Store, config: TableConfig, manifest: RunManifest, before: Verdict | None) -> Verdict | None:
    """Why the finished run of `manifest` has failed by these settings; None if it has not.

    before: why the run before it failed, if it did.
    """
    plan, counts, runs = manifest.plan, manifest.counts, [manifest.plan.run_id]
    if before is not None and plan.tracks <= before.counts.rejected:
        listing = Listing(store, listing_folder(config.output, plan.run_id))
        keys = (version_keys(listing.table(part.start, part.stop)) for part in plan.parts)
        reasons = _reasons_before(keys, list(_rejects(store, config.output, before.runs)))
        if reasons is not None:
            counts, runs = _judged_together(before.counts, reasons, counts), [*before.runs, plan.run_id]
            plan = read_plan(store, config.output, runs[0])
    error = judge(plan, counts, config.output, config.max_reject_rate)
    if error is None:
        return None
    return Verdict(
        message=str(error),
        hint=error.hint,
        max_reject_rate=config.max_reject_rate,
        listed=manifest.plan.listed,
        counts=counts,
        runs=tuple(runs),
    )


def failure(verdict: Verdict) -> Failure:
    """The message to the user about a run that has just failed."""
    together = f", together with the tracks of run {verdict.runs[0]}" if len(verdict.runs) > 1 else ""
    return Failure(message=f"run {verdict.run_id} failed{together}: {verdict.message}", hint=verdict.hint)


def still_failed(store: Store, config: TableConfig, plan: RunPlan, before: Verdict) -> Failure | None:
    """The failure of the run before, for a start that finds nothing to do; None if it has been overcome.

    It is judged by the present settings. Tracks that have left the catalog since are taken for rejected ones. If the
    run is a success by now, it becomes one on storage, too.
    """
    first, left = read_plan(store, config.output, before.runs[0]), max(before.listed - plan.listed, 0)
    error = judge(first, _without_rejects(before.counts, left), config.output, config.max_reject_rate)
    if error is None:
        settle(store, config.output, read_plan(store, config.output, before.run_id), None)
        return None
    return Failure(
        message=f"run {before.run_id} failed, and nothing has changed since: {error}",
        hint=f"{error.hint}; new tracks, --retry REASON or another max_reject_rate lead to a new verdict",
    )


def _rejects(store: Store, output: str, runs: Iterable[str]) -> Iterator[pa.Table]:
    """The rejected tracks of each run, with their reasons."""
    for run_id in runs:
        manifest = read_manifest(store, output, run_id)
        for file in manifest.files if manifest else ():
            if file.path.startswith("rejects/"):
                yield read_columns(store.read(at(output, file.path)), _OUTCOME, file.path, output)


def _reasons_before(keys: Iterable[pa.Array], rejects: list[pa.Table]) -> Counter[str] | None:
    """Why the tracks with these keys were rejected, by their newest row in `rejects`; None if one has no row there."""
    if not rejects:
        return None
    newest = pa.concat_tables(reversed(rejects))
    known = version_keys(newest).combine_chunks()
    reasons = Counter[str]()
    for each in keys:
        found = pc.index_in(each, value_set=known)
        if found.null_count:
            return None
        reasons.update(newest["reason"].take(found).to_pylist())
    return reasons


def _judged_together(before: Counts, reasons: Counter[str], now: Counts) -> Counts:
    """The counts of a failed run and of one that tried some of its rejected tracks again, each track counted once."""
    left = Counter({str(reason): count for reason, count in before.rejected_by_reason.items()}) - reasons
    left += Counter({str(reason): count for reason, count in now.rejected_by_reason.items()})
    return Counts(
        scored=before.scored + now.scored,
        abstained=before.abstained + now.abstained,
        rejected_by_reason={RejectReason(reason): left[reason] for reason in sorted(left)},
    )


def _without_rejects(counts: Counts, tracks: int) -> Counts:
    """The counts without this many of the rejected tracks."""
    kept, reasons = max(counts.rejected - tracks, 0), dict[RejectReason, int]()
    for reason, count in counts.rejected_by_reason.items():
        reasons[reason] = min(count, kept - sum(reasons.values()))
    return counts.model_copy(update={"rejected_by_reason": {reason: n for reason, n in reasons.items() if n}})
