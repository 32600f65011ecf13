"""`--plan`: what a run would do, found out without writing anything."""

from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.shards import plan_shards
from genre_batch.config import TableConfig
from genre_batch.run.job import Job
from genre_batch.run.planning import turn_of, unscored
from genre_batch.run.progress import Progress
from genre_batch.storage.open_store import open_store


class PlanReport(BaseModel):
    """What a run would do. resumes: the unfinished run that it would go on with, if there is one.

    listed, skipped and tracks are then those of that run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: str
    model_id: str
    resumes: str | None
    listed: int
    skipped: int
    tracks: int
    size_bytes: int
    shards: int

    def summary(self) -> str:
        """The report in lines for people."""
        lines = [
            f"{self.listed:,} tracks listed, {self.skipped:,} done before, {self.tracks:,} to score",
            f"{self.size_bytes / 1e6:,.1f} MB in {self.shards:,} shards, with {self.model_id}",
        ]
        if self.resumes:
            lines.append(f"run {self.resumes} is unfinished and would be resumed")
        return "\n".join([*lines, f"output: {self.output}; nothing was written"])


def preview(config: TableConfig, job: Job) -> PlanReport:
    """The plan of the run that `job` with the same settings would start or resume.

    Raises UserError as that run does.
    """
    store = open_store(config.output)
    unfinished = turn_of(config, job, store).unfinished
    if unfinished is not None:
        counts = (unfinished.listed, unfinished.tracks, unfinished.size_bytes)
    else:
        listed, to_score = Progress("listed"), Progress("to score")
        for _ in to_score.counted(unscored(config, job, store, listed)):
            pass
        counts = (listed.tracks, to_score.tracks, to_score.size_bytes)
    total, tracks, size_bytes = counts
    return PlanReport(
        output=config.output,
        model_id=job.model_id,
        resumes=unfinished.run_id if unfinished else None,
        listed=total,
        skipped=total - tracks,
        tracks=tracks,
        size_bytes=size_bytes,
        shards=len(plan_shards(tracks, unfinished.shard_tracks if unfinished else config.shard_tracks)),
    )
