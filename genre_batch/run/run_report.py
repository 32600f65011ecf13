"""What a run reports at its end: one object for `--json` and `report.json`, a few lines for people."""

from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from genre_batch.catalog.name_patterns import left_out_words
from genre_batch.catalog.reject import printable
from genre_batch.engine.usage import Usage
from genre_batch.sink.layout import at
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.record import Counts
from genre_batch.wording import duration, plural, size


class ForecastRatios(BaseModel):
    """What the run took divided by what was forecast: 1.1 means 10 % more than expected.

    hours, cost: from start to end, for the share of the forecast tracks that this process did; cost is null without
    prices. cpu, bytes_read, reads: per track.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    hours: float
    cpu: float
    bytes_read: float
    reads: float
    cost: float | None = None

    def summary(self) -> str:
        """The ratios on one line for a terminal."""
        cost = "" if self.cost is None else f", cost {self.cost:.2f}"
        return (
            f"actual over forecast: time {self.hours:.2f}, CPU per track {self.cpu:.2f}, "
            f"bytes per track {self.bytes_read:.2f}, reads per track {self.reads:.2f}{cost}"
        )


class Failure(BaseModel):
    """Why the run, or the one before it if there was nothing to do, is no success. message: one sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    message: str
    hint: str


class RunReport(BaseModel):
    """The outcome of `genre-batch score` or, if `answers` is "features", of `genre-batch features`.

    listed = skipped + scored + rejected + left + staged. The counts are those of the whole run, even if it was resumed;
    of these outcomes, `kept` were there when this process started, and it added `done`. Time, CPU and bytes are those
    of this process. run_id is None if there was nothing to do. start_s: seconds until the first batch was sent. work_s:
    seconds from then to the last commit. tracks_per_s: `done` per second of work_s. cpu_s_per_track: of all processes
    of the run. reads: requests for bytes of tracks. left_out: files of the source excluded by name, counted by pattern;
    they are not listed. forecast_error: actual over forecast, if a forecast was given; older reports call it
    hindsight. failure: why the exit code is 3, or null. not_tried: of the rejected tracks, those left to the next run
    or done by another run. left: tracks that the run does when it is started again, because its budget is used; it is
    not finished then. staged: tracks whose outcome waits on storage for the rest of their shard, and is in no other
    count.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_by_name=True)

    run_id: str | None
    output: str
    answers: Literal["scores", "features"]
    model_id: str
    fingerprint: str
    resumed: bool
    listed: int
    skipped: int
    scored: int
    abstained: int
    rejected: int
    rejects_by_reason: dict[str, int]
    genres: dict[str, int]
    wall_s: float
    tracks_per_s: float
    cpu_s_per_track: float
    bytes_read: int
    reads: int = 0
    forecast_error: ForecastRatios | None = Field(None, validation_alias=AliasChoices("forecast_error", "hindsight"))
    start_s: float = 0.0
    work_s: float = 0.0
    kept: int = 0
    done: int = 0
    failure: Failure | None = None
    left_out: dict[str, int] = {}
    not_tried: int = 0
    left: int = 0
    staged: int = 0
    canary_changes: tuple[str, ...] | None = None
    cost: float | None = None
    currency: str | None = None

    @property
    def tried(self) -> int:
        """The tracks that this run scored or rejected after a try."""
        return self.scored + self.rejected - self.not_tried

    @property
    def reject_rate(self) -> float:
        """The share of rejects among the tracks that this run tried; 0 if it tried none."""
        return (self.rejected - self.not_tried) / self.tried if self.tried else 0.0

    def is_written_as(self, data: bytes) -> bool:
        """Whether this or an earlier version of genre-batch writes the report as `data`."""
        written = self.model_dump_json(indent=1, exclude_unset=True).encode()
        return data in (written, written.replace(b'\n "forecast_error": ', b'\n "hindsight": '))

    def summary(self) -> str:
        """The report as lines for a terminal."""
        done = "scored" if self.answers == "scores" else "described"
        listed = f"{plural(self.listed, 'track')} listed, {self.skipped:,} done by earlier runs"
        lines = [f"{listed}, {self.scored:,} {done}, {self.rejected:,} rejected"]
        if self.left_out:
            lines.append(left_out_words(self.left_out))
        if self.run_id is None:
            return "\n".join([*lines, "nothing to do: every track has its answer or its reject already"])
        if self.left:
            lines.append(f"the budget is used: {plural(self.left, 'track')} left; start again to continue")
        if self.not_tried:
            deferred = self.rejects_by_reason.get("deferred", 0)
            others = plural(self.not_tried - deferred, "track")
            lines.append(f"of the rejected, {plural(deferred, 'track')} left for the next run, {others} done elsewhere")
        if self.resumed:
            lines.append(
                f"this was an unfinished run, resumed with the listing it was planned with: "
                f"{plural(self.kept, 'track')} kept, {self.done:,} done now"
            )
        lines += _counts("genre", self.genres) + _counts("reject", self.rejects_by_reason)
        if self.abstained:
            lines.append(f"  abstained on {self.abstained:,}")
        lines.append(
            f"{duration(self.wall_s)} in all: {duration(self.start_s)} to start, "
            f"then {plural(self.done, 'track')} in {duration(self.work_s)} ({self.tracks_per_s:,.2f} tracks/s)"
        )
        lines.append(f"{self.cpu_s_per_track:.3f} CPU-seconds per track, {size(self.bytes_read)} read")
        if self.forecast_error:
            lines.append(self.forecast_error.summary())
        if self.canary_changes is not None:
            lines += self.canary_changes or ["the canaries answered as expected"]
        lines.append(f"run {self.run_id}, {self.model_id}")
        # a run without answers, or without rejects, writes no such table
        lines += [f"table: {at(self.output, self.answers)}"] if self.scored else []
        lines += [f"rejects: {at(self.output, 'rejects')}"] if self.rejected else []
        return "\n".join(lines)


class RunReports(BaseModel):
    """The outcome of `genre-batch score` with several bundles: the report of each run, in the order of `bundles`.

    passes: the ids of the runs that went through their tracks together, in the order of the passes. All of them report
    what their pass took: its time, CPU, bytes and requests are not to be added up.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    runs: tuple[RunReport, ...]
    passes: tuple[tuple[str, ...], ...] = ()

    @property
    def left(self) -> int:
        """The tracks that the runs do when they are started again, of all runs together."""
        return sum(run.left for run in self.runs)

    @property
    def failure(self) -> Failure | None:
        """Why the exit code is 3: the failures of all runs as one, or null."""
        failed = [run.failure for run in self.runs if run.failure]
        if len(failed) < 2:
            return failed[0] if failed else None
        return Failure(message="; ".join(each.message for each in failed), hint=failed[0].hint)

    def summary(self) -> str:
        """The reports as lines for a terminal."""
        blocks = [f"{run.model_id}:\n{run.summary()}" for run in self.runs]
        shared = [" and ".join(runs) for runs in self.passes if len(runs) > 1]
        notes = [f"runs {runs} shared one pass: time, CPU and bytes are those of all of them" for runs in shared]
        return "\n\n".join([*blocks, *notes])


def nothing_to_do(output: str, plan: RunPlan, wall_s: float, failure: Failure | None = None) -> RunReport:
    """The report of a run that found every track done already, and wrote nothing. failure: what it repeats."""
    return RunReport(
        run_id=None,
        output=output,
        answers=plan.answers,
        model_id=plan.model_id,
        fingerprint=plan.fingerprint,
        resumed=False,
        listed=plan.listed,
        skipped=plan.skipped,
        scored=0,
        abstained=0,
        rejected=0,
        rejects_by_reason={},
        genres={},
        wall_s=wall_s,
        tracks_per_s=0.0,
        cpu_s_per_track=0.0,
        bytes_read=0,
        failure=failure,
        left_out=plan.left_out,
    )


def make_report(
    output: str,
    plan: RunPlan,
    counts: Counts,
    usage: Usage,
    *,
    resumed: bool,
    wall_s: float,
    kept: int = 0,
    left: int = 0,
    forecast_error: ForecastRatios | None = None,
    failure: Failure | None = None,
    canary_changes: tuple[str, ...] | None = None,
    currency: str | None = None,
) -> RunReport:
    """The report of a run: counts of all that is committed, figures from what this process used.

    left: the tracks without an outcome.
    """
    return RunReport(
        run_id=plan.run_id,
        output=output,
        answers=plan.answers,
        model_id=plan.model_id,
        fingerprint=plan.fingerprint,
        resumed=resumed,
        listed=plan.listed,
        skipped=plan.skipped,
        scored=counts.scored,
        abstained=counts.abstained,
        rejected=counts.rejected,
        not_tried=counts.rejected - counts.failed,
        left=left,
        staged=plan.tracks - counts.scored - counts.rejected - left,
        rejects_by_reason={str(reason): n for reason, n in counts.rejected_by_reason.items()},
        genres=counts.genres,
        wall_s=wall_s,
        tracks_per_s=usage.tracks / usage.work_s if usage.work_s else 0.0,
        cpu_s_per_track=usage.cpu_s / usage.tracks if usage.tracks else 0.0,
        bytes_read=usage.bytes_read,
        reads=usage.reads,
        forecast_error=forecast_error,
        start_s=usage.start_s,
        work_s=usage.work_s,
        kept=kept,
        done=usage.tracks,
        failure=failure,
        left_out=plan.left_out,
        canary_changes=canary_changes,
        cost=usage.cost if currency else None,
        currency=currency,
    )


def _counts(kind: str, counts: dict[str, int]) -> list[str]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [f"  {kind} {printable(name):<16} {count:>8,}" for name, count in ordered]
