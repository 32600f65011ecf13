"""The end of a run: its manifest, then its verdict, then the pointer to the latest run."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.json_records import (
    MAX_LOST_RACES,
    as_written,
    exists,
    parse,
    read_json,
    read_pointer,
    swap_pointer,
)
from genre_batch.sink.layout import repair_hint
from genre_batch.sink.plan import RunPlan, plan_sha256
from genre_batch.sink.record import CommitRecord, Counts, DataFile, total
from genre_batch.sink.verdict import Verdict, has_failed, read_verdict, write_verdict
from genre_batch.storage.store import Store, WriteFailed


class RunManifest(BaseModel):
    """Everything a finished run wrote: its plan, all files of all shards in order, and the sum of their counts.

    `plan_sha256` is the hash of `plan.json`: if two plans differ, it identifies the right one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    plan: RunPlan
    plan_sha256: str | None = None
    counts: Counts
    files: tuple[DataFile, ...]


class Latest(BaseModel):
    """The pointer at `_latest.json`: of all runs that finished and did not fail, the one that was planned last."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run_id: str
    model_id: str
    fingerprint: str
    manifest: str


def finish(store: Store, output: str, plan: RunPlan, records: Iterable[CommitRecord]) -> RunManifest:
    """`write_manifest`, then `settle` by the verdict that is on storage. Raises as `write_manifest` does."""
    manifest = write_manifest(store, output, plan, records)
    settle(store, output, plan, read_verdict(store, output, plan.run_id))
    return manifest


def write_manifest(store: Store, output: str, plan: RunPlan, records: Iterable[CommitRecord]) -> RunManifest:
    """Write the manifest of a run whose shards are all committed. The run is finished once it is settled, too.

    Safe to repeat, and in several drivers at once: they write the same bytes. Raises ValueError if shards or rows are
    missing, DamageFound if there already is a different manifest.
    """
    manifest = make_manifest(plan, records)
    uri = layout.at(output, layout.manifest_path(plan.run_id))
    if not store.create(uri, as_written(manifest)) and parse(store.read(uri), RunManifest, uri, output) != manifest:
        raise DamageFound(f"there is another manifest at {uri}", repair_hint(output))
    return manifest


def settle(store: Store, output: str, plan: RunPlan, verdict: Verdict | None) -> None:
    """Keep why the run of `plan` failed or, if it did not, move the latest pointer to it. Safe to repeat.

    The pointer stays if it names a newer run: it never goes back.
    """
    write_verdict(store, output, plan.run_id, verdict)
    if verdict is None:
        _advance_latest(store, output, plan)


def make_manifest(plan: RunPlan, records: Iterable[CommitRecord]) -> RunManifest:
    """The manifest of a run from the records of all its shards. Raises ValueError if shards or rows are missing."""
    by_shard = {record.shard: record for record in records}
    if by_shard.keys() != set(range(plan.shards)):
        raise ValueError(f"{len(by_shard)} of {plan.shards} shards of {plan.run_id} are committed")
    ordered = [by_shard[shard] for shard in range(plan.shards)]
    counts = total(record.counts for record in ordered)
    if counts.scored + counts.rejected != plan.tracks:
        raise ValueError(
            f"{counts.scored} scored and {counts.rejected} rejected tracks do not add up to {plan.tracks} tracks"
        )
    files = tuple(file for record in ordered for file in record.files)
    return RunManifest(plan=plan, plan_sha256=plan_sha256(plan), counts=counts, files=files)


def read_manifest(store: Store, output: str, run_id: str) -> RunManifest | None:
    """The manifest of one run; None if it has not finished."""
    return read_json(store, layout.at(output, layout.manifest_path(run_id)), RunManifest, output)


def is_finished(store: Store, output: str, run_id: str) -> bool:
    """Whether the run has its manifest, and either a verdict or a latest pointer that names it or a newer run."""
    latest = read_pointer(store, layout.at(output, layout.LATEST), Latest)
    if (latest is None or latest[0].run_id < run_id) and not has_failed(store, output, run_id):
        return False
    return exists(store, layout.at(output, layout.manifest_path(run_id)))


def latest_of(plan: RunPlan) -> Latest:
    """What `_latest.json` says while this run is the newest finished one."""
    manifest = layout.manifest_path(plan.run_id)
    return Latest(run_id=plan.run_id, model_id=plan.model_id, fingerprint=plan.fingerprint, manifest=manifest)


def _advance_latest(store: Store, output: str, plan: RunPlan) -> None:
    """Move the pointer to this run, unless it names a newer one: it never goes back."""
    uri = layout.at(output, layout.LATEST)
    for _ in range(MAX_LOST_RACES):
        found = read_pointer(store, uri, Latest)
        if found is not None and found[0].run_id >= plan.run_id:
            return
        if swap_pointer(store, uri, latest_of(plan), found[1] if found else None):
            return
    raise WriteFailed(f"{uri} could not be moved in {MAX_LOST_RACES} attempts")
