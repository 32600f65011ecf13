"""What a run tells at its end: one object for `--json`, a few lines for people."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.reject import printable
from genre_batch.engine.usage import Usage
from genre_batch.run.forecast import Forecast
from genre_batch.run.hindsight import Hindsight, hindsight
from genre_batch.sink.finish import RunManifest
from genre_batch.sink.layout import at
from genre_batch.sink.plan import RunPlan


class ScoreReport(BaseModel):
    """The outcome of `genre-batch score` or, where `answers` is features, of `genre-batch features`.

    listed = skipped + scored + rejected. The counts are of the whole run, also where it was resumed; the figures of
    time, CPU and bytes are of this process's share. run_id is None when there was nothing to score. tracks_per_s is
    reckoned from the first batch sent to the last commit; cpu_s_per_track counts all processes of the run. reads:
    requests for bytes of tracks. hindsight: how far off the forecast was, where one was given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

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
    hindsight: Hindsight | None = None

    @property
    def reject_rate(self) -> float:
        """Rejects among the tracks that this run tried; 0 if it tried none."""
        tried = self.scored + self.rejected
        return self.rejected / tried if tried else 0.0


def nothing_to_do(output: str, plan: RunPlan, wall_s: float) -> ScoreReport:
    """The report of a run that found every track scored already, and wrote nothing."""
    return ScoreReport(
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
        reads=0,
    )


def score_report(
    output: str,
    manifest: RunManifest,
    usage: Usage,
    *,
    resumed: bool,
    wall_s: float,
    forecast: Forecast | None = None,
) -> ScoreReport:
    """The report of a finished run: counts from its manifest, figures from what this process used.

    forecast: what was expected, to say how far off it was.
    """
    plan, counts = manifest.plan, manifest.counts
    return ScoreReport(
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
        rejects_by_reason={str(reason): n for reason, n in counts.rejected_by_reason.items()},
        genres=counts.genres,
        wall_s=wall_s,
        tracks_per_s=usage.tracks / usage.scoring_s if usage.scoring_s else 0.0,
        cpu_s_per_track=usage.cpu_s / usage.tracks if usage.tracks else 0.0,
        bytes_read=usage.bytes_read,
        reads=usage.reads,
        hindsight=hindsight(forecast, usage, wall_s) if forecast else None,
    )


def summary(report: ScoreReport) -> str:
    """The report in lines for people."""
    counts = (report.listed, report.skipped, report.scored, report.rejected)
    done = "scored" if report.answers == "scores" else "described"
    lines = [f"{{:,}} tracks listed, {{:,}} done before, {{:,}} {done} now, {{:,}} rejected".format(*counts)]
    if report.run_id is None:
        return "\n".join([*lines, "nothing to do: every track has its answer or its reject already"])
    if report.resumed:
        lines.append("an unfinished run was resumed; its listing stands as it was planned")
    lines += _counts("genre", report.genres) + _counts("reject", report.rejects_by_reason)
    if report.abstained:
        lines.append(f"  abstained on {report.abstained:,}")
    lines.append(
        f"{report.wall_s:,.1f} s in all, {report.tracks_per_s:,.2f} tracks/s, "
        f"{report.cpu_s_per_track:.3f} CPU-seconds a track, {report.bytes_read / 1e6:,.1f} MB read"
    )
    if report.hindsight:
        lines.append(report.hindsight.summary())
    return "\n".join([*lines, f"run {report.run_id}, {report.model_id}", f"table: {at(report.output, report.answers)}"])


def _counts(kind: str, counts: dict[str, int]) -> list[str]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [f"  {kind} {printable(name):<16} {count:>8,}" for name, count in ordered]
