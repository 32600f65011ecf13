"""The end of a run: its manifest, then the pointer to the latest run."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.mending import mend
from genre_batch.sink.plan import RunPlan, plan_sha256
from genre_batch.sink.pointer import LOST_RACES, parse, read_pointer, swap_pointer, to_json
from genre_batch.sink.record import CommitRecord, Counts, DataFile, total
from genre_batch.storage.store import ObjectGone, Store, WriteFailed


class RunManifest(BaseModel):
    """Everything a finished run wrote: its plan, all files of all shards in order, and the sum of their counts.

    `plan_sha256` is that of `plan.json`: of two plans that differ, it tells the right one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    plan: RunPlan
    plan_sha256: str | None = None
    counts: Counts
    files: tuple[DataFile, ...]


class Latest(BaseModel):
    """The pointer at `_latest.json`: of all finished runs, the one that was planned last."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run_id: str
    model_id: str
    fingerprint: str
    manifest: str


def finish(store: Store, output: str, plan: RunPlan, records: Iterable[CommitRecord]) -> RunManifest:
    """Write the manifest of a run whose shards are all committed, and let the latest pointer know of it.

    Safe to repeat, and in several drivers at once: they write the same bytes. Raises ValueError where shards or rows
    are missing, DamageFound where another manifest is there already.
    """
    manifest = make_manifest(plan, records)
    uri = layout.at(output, layout.manifest_path(plan.run_id))
    if not store.create(uri, to_json(manifest)) and parse(store.read(uri), RunManifest, uri, output) != manifest:
        raise DamageFound(f"there is another manifest at {uri}", mend(output))
    _advance_latest(store, output, plan)
    return manifest


def make_manifest(plan: RunPlan, records: Iterable[CommitRecord]) -> RunManifest:
    """The manifest of a run from the records of all its shards. Raises ValueError where shards or rows are missing."""
    by_shard = {record.shard: record for record in records}
    if by_shard.keys() != set(range(plan.shards)):
        raise ValueError(f"{len(by_shard)} of {plan.shards} shards of {plan.run_id} are committed")
    ordered = [by_shard[shard] for shard in range(plan.shards)]
    counts = total(record.counts for record in ordered)
    if counts.scored + counts.rejected != plan.tracks:
        raise ValueError(f"{counts.scored} scored and {counts.rejected} rejected are not {plan.tracks} tracks")
    files = tuple(file for record in ordered for file in record.files)
    return RunManifest(plan=plan, plan_sha256=plan_sha256(plan), counts=counts, files=files)


def read_manifest(store: Store, output: str, run_id: str) -> RunManifest | None:
    """The manifest of one run; None where it has not finished."""
    uri = layout.at(output, layout.manifest_path(run_id))
    try:
        return parse(store.read(uri), RunManifest, uri, output)
    except ObjectGone:
        return None


def is_finished(store: Store, output: str, run_id: str) -> bool:
    """Whether the run has its manifest, and the latest pointer knows of it or of a newer one."""
    latest = read_pointer(store, layout.at(output, layout.LATEST), Latest)
    if latest is None or latest[0].run_id < run_id:
        return False
    try:
        store.head(layout.at(output, layout.manifest_path(run_id)))
    except ObjectGone:
        return False
    return True


def _advance_latest(store: Store, output: str, plan: RunPlan) -> None:
    """Point to this run, unless the pointer is at a newer one: it never goes back."""
    uri = layout.at(output, layout.LATEST)
    manifest = layout.manifest_path(plan.run_id)
    latest = Latest(run_id=plan.run_id, model_id=plan.model_id, fingerprint=plan.fingerprint, manifest=manifest)
    for _ in range(LOST_RACES):
        found = read_pointer(store, uri, Latest)
        if found is not None and found[0].run_id >= latest.run_id:
            return
        if swap_pointer(store, uri, latest, found[1] if found else None):
            return
    raise WriteFailed(f"{uri} could not be moved in {LOST_RACES} attempts")
