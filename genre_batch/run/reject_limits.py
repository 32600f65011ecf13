"""When a run counts as failed: stopped early, or at its end because too few tracks got an answer."""

from collections.abc import Callable

from genre_batch.catalog.failure_streak import MESSAGE_CHARACTERS, denied_in_a_row
from genre_batch.catalog.reject import Reject, RejectReason, printable
from genre_batch.catalog.track import Track
from genre_batch.config import TableConfig
from genre_batch.errors import TooManyRejects, UserError
from genre_batch.schedule.stop_rules import OutcomeWatch, Stop, StopRules
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.record import Counts
from genre_batch.wording import plural

OnDone = Callable[[list[Track], list[Reject | None]], None]

_EXAMPLES = 2
_RATE_NEEDS_TRACKS = 100
"""If earlier runs did most of a catalog, the share of rejects among a few tracks says nothing about this run."""


def outcome_watcher(count: Callable[[list[Track]], None], config: TableConfig, run_id: str) -> OnDone:
    """A callback for finished calls: it passes their tracks to `count`, and raises once a stop rule is broken.

    It raises TooManyRejects, or a UserError if access was denied. What earlier processes of the same run saw does not
    count: once the cause is repaired, the run continues.
    """
    watch = OutcomeWatch(StopRules(config.max_reject_rate, config.max_denied_in_a_row))

    def on_done(tracks: list[Track], rejects: list[Reject | None]) -> None:
        count(tracks)
        pairs = zip(tracks, rejects, strict=True)
        if watch.note(pairs) if any(rejects) else watch.note_answers(len(tracks)):
            raise _denied(watch, run_id) if watch.stop is Stop.DENIED else _rejected(watch, run_id)

    return on_done


def _rejected(watch: OutcomeWatch, run_id: str) -> TooManyRejects:
    counts = watch.by_reason.most_common()
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts)
    examples = "; ".join(_example(watch, reason) for reason, _ in counts[:_EXAMPLES])
    return TooManyRejects(
        f"stopped: {watch.rejected:,} of {plural(watch.tracks, 'track')} were rejected, more than "
        f"max_reject_rate={watch.rules.max_reject_rate:g} allows: {reasons}. For example {examples}",
        f"what is committed is kept; start again to continue run {run_id}, "
        "with --set max_reject_rate=1 to finish it however many tracks are rejected",
    )


def _denied(watch: OutcomeWatch, run_id: str) -> UserError:
    track, reject = watch.examples[RejectReason.ACCESS_DENIED]
    count, then = watch.rules.max_denied_in_a_row or 0, f" to continue run {run_id}"
    return denied_in_a_row(count, track.uri, reject.message, reject.hint, readers="Ray's workers", then=then)


def _example(watch: OutcomeWatch, reason: RejectReason) -> str:
    track, reject = watch.examples[reason]
    return f"{printable(track.uri)}: {printable(reject.message, MESSAGE_CHARACTERS)} ({reason})"


def judge(plan: RunPlan, counts: Counts, output: str, max_reject_rate: float) -> TooManyRejects | None:
    """Why a finished run with these counts failed: too few answers, or no genre at all. None if it succeeded."""
    tried, few = counts.tried, _is_few(plan, counts)
    hint = f"look at {output.rstrip('/')}/rejects"
    if tried and not counts.scored:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.rejected_by_reason.items())
        return TooManyRejects(f"{plural(tried, 'track')} tried, and none got an answer: {reasons}", hint)
    if not few and tried and counts.failed / tried > max_reject_rate:
        message = f"{counts.failed:,} of {plural(tried, 'track')} rejected, more than max_reject_rate allows"
        return TooManyRejects(message, f"{hint}; the setting is {max_reject_rate:g}")
    if plan.answers == "scores" and counts.scored and counts.scored == counts.abstained and not few:
        return TooManyRejects(
            f"the model abstained on every track that it scored ({counts.scored:,}): none has a genre",
            f"compare confidence and in_scope in {output.rstrip('/')}/scores with the bundle's thresholds and "
            "with min_in_scope; lower min_in_scope or min_precision, or score with a bundle that was trained with a "
            "lower target_precision",
        )
    return None


def _is_few(plan: RunPlan, counts: Counts) -> bool:
    """Whether this run tried only a few tracks of a catalog that was mostly done before."""
    return plan.skipped > 0 and counts.tried < _RATE_NEEDS_TRACKS
