"""The plan of a run: what it will do, fixed before it starts."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Self

from pydantic import NonNegativeInt, PositiveInt, model_validator

from genre_batch.catalog.shards import PartPlan
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.pointer import parse, to_json
from genre_batch.sink.run_facts import RunFacts, is_run_id, planning_time
from genre_batch.storage.store import Store


class RunPlan(RunFacts):
    """What a run will do. `listed` tracks were found; `skipped` have a score already; `tracks` are in its listing.

    `size_bytes` is the sum over the `tracks` whose size is known. A resumed run goes by its own `shard_tracks` and
    `part_tracks`, whatever the configuration says by then; without the latter a shard has one part. `listing_sha256`
    is that of `listing.json`, which has those of its files.
    """

    source: str
    shard_tracks: PositiveInt
    listed: NonNegativeInt
    skipped: NonNegativeInt
    tracks: NonNegativeInt
    size_bytes: NonNegativeInt
    listing_sha256: str | None = None
    part_tracks: PositiveInt | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.skipped + self.tracks != self.listed:
            raise ValueError("skipped and tracks do not add up to listed")
        return self

    @property
    def shards(self) -> int:
        """How many shards the listing has."""
        return -(-self.tracks // self.shard_tracks)

    @property
    def parts(self) -> PartPlan:
        """The parts of those shards."""
        return PartPlan(self.tracks, self.shard_tracks, self.part_tracks or self.shard_tracks)


def write_plan(store: Store, output: str, plan: RunPlan) -> None:
    """Write the plan once. Raises DamageFound where the run has another plan already."""
    uri = layout.at(output, layout.plan_path(plan.run_id))
    if not store.create(uri, to_json(plan)) and read_plan(store, output, plan.run_id) != plan:
        raise DamageFound(f"there is another plan at {uri}", "start again, for a new run id")


def plan_sha256(plan: RunPlan) -> str:
    """sha256, in hex, of `plan.json` as this version writes it."""
    return hashlib.sha256(to_json(plan)).hexdigest()


def read_plan(store: Store, output: str, run_id: str) -> RunPlan:
    """The plan of one run. Raises ObjectGone where there is none, DamageFound where it cannot be understood."""
    uri = layout.at(output, layout.plan_path(run_id))
    return parse(store.read(uri), RunPlan, uri, output)


def run_ids(store: Store, output: str) -> Iterator[str]:
    """The runs below `output`, oldest first, planned or not."""
    for folder in store.folders(layout.at(output, layout.RUNS_FOLDER)):
        name = folder.rstrip("/").rsplit("/", 1)[-1]
        if is_run_id(name):
            yield name


def next_planning_time(store: Store, output: str, now: datetime) -> datetime:
    """The `planned_at` of the next run below `output`: `now`, but after all runs there are."""
    return planning_time(now, max(run_ids(store, output), default=None))
