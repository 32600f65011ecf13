"""The done-index: the outcomes of many finished runs of a model, sorted together, so that planning reads them at once.

`_runs/_done/<key>.json` names all of it and is moved by compare and swap. Its segments are sorted files, which are only
ever created; each names the runs that it covers, with the hash of the manifest of each. A segment counts only if these
runs are as they were when it was written: otherwise their own files are read, as without an index.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, model_validator

from genre_batch.catalog.reject import printable
from genre_batch.errors import DamageFound
from genre_batch.notices import say
from genre_batch.sink import layout
from genre_batch.sink.finish import RunManifest
from genre_batch.sink.json_records import parse, read_pointer
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.run_facts import RunId
from genre_batch.sink.sink import open_sink
from genre_batch.storage.store import AccessDenied, ObjectGone, ReadFailed, Store

_SHA256 = r"^[0-9a-f]{64}$"
UNUSABLE = (DamageFound, ReadFailed, AccessDenied)
"""What keeps a part of the index from being used: the runs are read instead."""


class CoveredRun(BaseModel):
    """A finished run, as its manifest was when its outcomes were read."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run_id: RunId
    manifest_sha256: str = Field(pattern=_SHA256)


class IndexSegmentFile(BaseModel):
    """One file of a segment: the outcomes of all tracks from `first` to `last`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = Field(pattern=r"^[0-9a-f]{16}-[0-9]{5}\.parquet$")
    rows: NonNegativeInt
    size_bytes: NonNegativeInt
    sha256: str = Field(pattern=_SHA256)
    first: str
    last: str


class IndexSegment(BaseModel):
    """The outcomes of these runs, oldest first, in files that are sorted by track_id; no track is in two of them.

    The column `run` of the files is a place in `runs`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    runs: tuple[CoveredRun, ...]
    files: tuple[IndexSegmentFile, ...]

    @property
    def rows(self) -> int:
        """The number of outcomes."""
        return sum(file.rows for file in self.files)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The ids of its runs."""
        return tuple(run.run_id for run in self.runs)


class DoneIndex(BaseModel):
    """All segments of one model; no run is in two of them. sha256: of the rest, since no other record names it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1] = 1
    model_id: str
    fingerprint: str
    segments: tuple[IndexSegment, ...]
    sha256: str

    @classmethod
    def of(cls, model_id: str, fingerprint: str, segments: Iterable[IndexSegment]) -> Self:
        """The index of a model with these segments."""
        facts = model_id, fingerprint, tuple(segments)
        unsigned = cls.model_construct(None, model_id=facts[0], fingerprint=facts[1], segments=facts[2], sha256="")
        return cls(model_id=facts[0], fingerprint=facts[1], segments=facts[2], sha256=unsigned.hash())

    def hash(self) -> str:
        """sha256, in hex, of everything but the hash itself."""
        return hashlib.sha256(self.model_dump_json(exclude={"sha256"}).encode()).hexdigest()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.sha256 != self.hash():
            raise ValueError("it is not what its hash says")
        return self

    @property
    def key(self) -> str:
        """The name of its model in paths."""
        return key_of_model(self.model_id, self.fingerprint)


def key_of_model(model_id: str, fingerprint: str) -> str:
    """A hash of a model, for use in names."""
    return hashlib.sha256(json.dumps([model_id, fingerprint]).encode()).hexdigest()[:32]


def read_done_index(store: Store, output: str, key: str) -> tuple[DoneIndex, str] | None:
    """The index of a model, and the etag of exactly that version; None if there is none.

    Raises DamageFound if it is not an index of this version.
    """
    return read_pointer(store, layout.at(output, layout.done_index_path(key)), DoneIndex)


def usable_segments(store: Store, output: str, plans: Sequence[RunPlan], executor: Executor) -> list[IndexSegment]:
    """The segments that can replace their runs, which are among `plans`. Reports on stderr why others cannot."""
    if not plans:
        return []
    key = key_of_model(plans[0].model_id, plans[0].fingerprint)
    try:
        found = read_done_index(store, output, key)
    except UNUSABLE as unusable:
        say(f"{printable(str(unusable))}: all runs are read instead")
        return []
    segments = found[0].segments if found else ()
    faults = segment_faults(store, output, segments, {plan.run_id: plan for plan in plans}, executor)
    for fault in filter(None, faults):
        say(f"a part of the done-index no longer fits: {printable(fault)}; its runs are read instead")
    return [segment for segment, fault in zip(segments, faults, strict=True) if not fault]


def segment_faults(
    store: Store, output: str, segments: Sequence[IndexSegment], plans: Mapping[str, RunPlan], executor: Executor
) -> list[str]:
    """Why each segment cannot replace its runs; an empty text if it can.

    Each run must have its plan, the same manifest, all its markers, and files of the right names and sizes.
    """
    if not segments:
        return []
    covered = [run for segment in segments for run in segment.runs]

    def check(run: CoveredRun) -> tuple[str, RunManifest | None]:
        return _manifest_fault(store, output, run, plans.get(run.run_id))

    found = dict(zip((run.run_id for run in covered), executor.map(check, covered), strict=True))
    manifests = [manifest for _, manifest in found.values() if manifest]
    sizes_bytes = _sizes_of_tables(store, output, manifests)

    def fault_of(run: CoveredRun) -> str:
        fault, manifest = found[run.run_id]
        for file in manifest.files if manifest else ():
            if sizes_bytes.get((layout.table_of(file.path), file.path.rpartition("/")[2])) != file.size_bytes:
                return f"{file.path} is missing or has another size"
        return fault

    return [next(filter(None, map(fault_of, segment.runs)), "") for segment in segments]


def _manifest_fault(store: Store, output: str, run: CoveredRun, plan: RunPlan | None) -> tuple[str, RunManifest | None]:
    """What is wrong with the records of a covered run, and its manifest, if that is as it was."""
    path = layout.manifest_path(run.run_id)
    if plan is None:
        return f"{layout.plan_path(run.run_id)} is missing", None
    try:
        data = store.read(layout.at(output, path))
        if hashlib.sha256(data).hexdigest() != run.manifest_sha256:
            return f"{path} has changed", None
        manifest = parse(data, RunManifest, path, output)
    except ObjectGone:
        return f"{path} is missing", None
    except UNUSABLE as unusable:
        return str(unusable), None
    if open_sink(store, output, plan).shards() != set(range(plan.shards)):
        return f"{layout.commits_folder(run.run_id)} does not have the marker of each shard", None
    return "", manifest


def _sizes_of_tables(store: Store, output: str, manifests: Iterable[RunManifest]) -> dict[tuple[str, str], int]:
    """The size in bytes of each file of the partitions that these runs wrote to, by table and name."""
    folders = {"/".join(file.path.split("/")[:2]) + "/" for each in manifests for file in each.files}
    return {
        (layout.table_of(folder), each.uri.rpartition("/")[2]): each.size_bytes
        for folder in sorted(folders)
        for each in store.list(layout.at(output, folder))
    }
