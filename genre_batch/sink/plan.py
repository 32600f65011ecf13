"""The plan of a run: what it will do, fixed before it starts."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Literal, Self, TypeAlias

from pydantic import AwareDatetime, Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from genre_batch.catalog.work_units import PartPlan
from genre_batch.errors import DamageFound, UsageError
from genre_batch.sink import layout
from genre_batch.sink.json_records import as_written, parse
from genre_batch.sink.run_facts import RunFacts, is_run_id, planning_time
from genre_batch.sink.schema import SCHEMA_VERSION
from genre_batch.storage.store import Store

RunKind: TypeAlias = Literal["default", "nightly", "backfill"]
"""What a run is for. Runs of different kinds never continue one another."""


class RunPlan(RunFacts):
    """What a run will do: `listed` tracks were found, `skipped` of them have a score, `tracks` are in its listing.

    `left_out` counts the other files of the source by the pattern of `include` and `exclude` that left them out.
    `size_bytes` is the sum over the `tracks` whose size is known. A resumed run uses its own `shard_tracks` and
    `part_tracks`, even if the configuration has changed; without `part_tracks` a shard has one part. `listing_sha256`
    is the hash of `listing.json`, which holds the hashes of its files. Plans from before there was `run_kind` are of
    the kind "default". order: "track_id" if the whole listing is sorted by track_id, "newest" if it is in the order of
    `work_order.py`, and sorted shard by shard. finish_by, finish_at: the setting that the run was planned with, and the
    time that it meant then; None if there was none, and in plans of earlier versions. Raises UsageError if a newer
    version of genre-batch planned the run: its tables may have columns that this version does not know.
    """

    source: str
    shard_tracks: PositiveInt
    listed: NonNegativeInt
    skipped: NonNegativeInt
    tracks: NonNegativeInt
    size_bytes: NonNegativeInt
    listing_sha256: str | None = None
    part_tracks: PositiveInt | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    left_out: dict[str, PositiveInt] = Field(default_factory=dict)
    run_kind: RunKind = "default"
    order: Literal["track_id", "newest"] = "track_id"
    finish_by: str | None = None
    finish_at: AwareDatetime | None = None

    @field_validator("schema_version")
    @classmethod
    def _is_known(cls, version: int) -> int:
        if version > SCHEMA_VERSION:
            # not a ValueError: that would pass for a damaged plan, which a repair might replace
            raise UsageError(
                f"a run has output schema {version}, and this version of genre-batch knows up to {SCHEMA_VERSION}",
                "use the version of genre-batch that wrote the run, or a newer one",
            )
        return version

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.skipped + self.tracks != self.listed:
            raise ValueError("skipped and tracks do not add up to listed")
        return self

    @property
    def shards(self) -> int:
        """The number of shards of the listing."""
        return -(-self.tracks // self.shard_tracks)

    @property
    def parts(self) -> PartPlan:
        """The parts of those shards."""
        return PartPlan(self.tracks, self.shard_tracks, self.part_tracks or self.shard_tracks)


def write_plan(store: Store, output: str, plan: RunPlan) -> None:
    """Write the plan once. Raises DamageFound if the run already has a different plan."""
    uri = layout.at(output, layout.plan_path(plan.run_id))
    if not store.create(uri, as_written(plan)) and read_plan(store, output, plan.run_id) != plan:
        raise DamageFound(f"there is another plan at {uri}", "start again, for a new run id")


def plan_sha256(plan: RunPlan) -> str:
    """sha256, in hex, of `plan.json`."""
    return hashlib.sha256(as_written(plan)).hexdigest()


def read_plan(store: Store, output: str, run_id: str) -> RunPlan:
    """The plan of one run.

    Raises ObjectGone if there is none, DamageFound if it cannot be parsed, UsageError if it is from a newer version.
    """
    uri = layout.at(output, layout.plan_path(run_id))
    return parse(store.read(uri), RunPlan, uri, output)


def run_ids(store: Store, output: str) -> Iterator[str]:
    """The ids of the runs below `output`, oldest first, whether or not they have a plan."""
    for folder in store.folders(layout.at(output, layout.RUNS_FOLDER)):
        name = folder.rstrip("/").rsplit("/", 1)[-1]
        if is_run_id(name):
            yield name


def next_planning_time(store: Store, output: str, now: datetime) -> datetime:
    """The `planned_at` of the next run below `output`: `now`, but after all existing runs."""
    return planning_time(now, max(run_ids(store, output), default=None))
