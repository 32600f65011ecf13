"""What a user is told where a run is ended before its end: what was seen, and how to go on."""

from collections.abc import Callable

from genre_batch.catalog.in_a_row import MESSAGE_CHARACTERS, denied_in_a_row
from genre_batch.catalog.reject import Reject, RejectReason, printable
from genre_batch.catalog.track import Track
from genre_batch.config import TableConfig
from genre_batch.errors import TooManyRejects, UserError
from genre_batch.schedule.stop_rules import OutcomeWatch, Stop, StopRules

OnDone = Callable[[list[Track], list[Reject | None]], None]

_EXAMPLES = 2


def judged(count: Callable[[list[Track]], None], config: TableConfig, run_id: str) -> OnDone:
    """Counts the tracks of finished calls with `count`, and raises what `stopped` makes once a rule is broken.

    What earlier processes of the same run saw does not count: once the cause is mended, the run goes on.
    """
    watch = OutcomeWatch(StopRules(config.max_reject_rate, config.max_denied_in_a_row))

    def on_done(tracks: list[Track], rejects: list[Reject | None]) -> None:
        count(tracks)
        if watch.note(zip(tracks, rejects, strict=True)):
            raise stopped(watch, run_id)

    return on_done


def stopped(watch: OutcomeWatch, run_id: str) -> UserError:
    """Why the run was ended, with counts and examples: TooManyRejects, or a UserError where access was denied."""
    return _denied(watch, run_id) if watch.stop is Stop.DENIED else _rejected(watch, run_id)


def _rejected(watch: OutcomeWatch, run_id: str) -> TooManyRejects:
    counts = watch.by_reason.most_common()
    seen = ", ".join(f"{count:,} {reason}" for reason, count in counts)
    examples = "; ".join(_example(watch, reason) for reason, _ in counts[:_EXAMPLES])
    return TooManyRejects(
        f"stopped: {watch.rejected:,} of {watch.tracks:,} tracks were rejected, more than "
        f"max_reject_rate={watch.rules.max_reject_rate:g} allows: {seen}. For example {examples}",
        f"what is committed is kept, and starting again goes on with run {run_id}; "
        "with --set max_reject_rate=1 it goes on to the end, whatever is rejected",
    )


def _denied(watch: OutcomeWatch, run_id: str) -> UserError:
    track, reject = watch.examples[RejectReason.ACCESS_DENIED]
    count, then = watch.rules.max_denied_in_a_row or 0, f": it goes on with run {run_id}"
    return denied_in_a_row(count, track.uri, reject.message, readers="Ray's workers", then=then)


def _example(watch: OutcomeWatch, reason: RejectReason) -> str:
    track, reject = watch.examples[reason]
    return f"{printable(track.uri)}: {printable(reject.message, MESSAGE_CHARACTERS)} ({reason})"
