"""One committed shard held against its marker, its manifest and its part of the listing."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from genre_batch.catalog.reject import printable
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.answers import once_a_track
from genre_batch.sink.parquet import file_metadata, from_bytes, read_columns
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.record import CommitRecord, Counts, DataFile
from genre_batch.sink.schema import REJECTS, SCORES, features_schema
from genre_batch.storage.store import ObjectGone, Store
from genre_batch.verify.feature_values import wrong_numbers, wrong_segments
from genre_batch.verify.findings import Finding, Kind
from genre_batch.verify.reading import Unreadable, reading
from genre_batch.verify.score_values import wrong_scores
from genre_batch.verify.stored_record import StoredRecord, read_record
from genre_batch.verify.table_rows import Fault, wrong_facts, wrong_rejects, wrong_tracks


@dataclass(slots=True)
class ShardFacts:
    """What one shard turned out to be.

    marker: what its marker says, None where it is missing or not readable. record: what the marker should say, made
    anew from files that agree with the marker or the manifest; None where any of them does not. keys: track_id and etag
    of its answers, a row a track; None where they cannot be read. size_bytes: read.
    """

    shard: int
    marker: CommitRecord | None = None
    record: CommitRecord | None = None
    keys: pa.Table | None = None
    size_bytes: int = 0
    findings: list[Finding] = field(default_factory=list)


class ShardCheck:
    """Checks the shards of one run; it holds no state, so threads may share it.

    named: the files of the run's manifest by path, None where the run has none. genres: those of its model, if known.
    """

    def __init__(
        self,
        store: Store,
        output: str,
        plan: RunPlan,
        named: Mapping[str, DataFile] | None,
        genres: Sequence[str] | None,
    ) -> None:
        self._store, self._output, self._plan = store, output, plan
        self._named, self._genres = named, genres

    def check(self, shard: int, tracks: pa.Table | None) -> ShardFacts:
        """The facts of one shard, whose listed tracks are rows of `tracks`; None where the listing cannot be read."""
        facts = ShardFacts(shard)
        marker = read_record(self._store, self._output, layout.commit_path(self._plan.run_id, shard), CommitRecord)
        facts.marker = marker.value
        if marker.data is None:
            self._note(facts, Kind.MISSING, marker.path, "the commit marker is missing")
        elif marker.fault:
            self._note(facts, Kind.DAMAGED, marker.path, f"the commit marker {marker.fault}")
        said = {file.path: file for file in marker.value.files} if marker.value else {}
        paths = layout.answers_path(self._plan, shard), layout.rejects_path(self._plan, shard)
        if marker.value is not None and tuple(said) not in (paths[:1], paths):
            self._note(facts, Kind.DAMAGED, marker.path, "the commit marker names other files than those of its shard")
        named = {path: self._named[path] for path in paths if path in self._named} if self._named is not None else None
        tables = [self._file(facts, path, said.get(path), (named or {}).get(path)) for path in paths]
        self._check_tables(facts, paths, tables, tracks)
        self._check_records(facts, marker, said, named)
        return facts

    def _file(
        self, facts: ShardFacts, path: str, said: DataFile | None, named: DataFile | None
    ) -> tuple[DataFile, pa.Table] | None:
        """The file at `path` and its table, if a marker or manifest names it and it is that file."""
        recorded = [file for file in (said, named) if file is not None]
        if not recorded:
            return None
        try:
            with reading():
                data = self._store.read(layout.at(self._output, path))
        except ObjectGone:
            self._note(facts, Kind.MISSING, path, "a committed file is missing", tracks=recorded[0].rows)
            return None
        except Unreadable as unreadable:
            self._note(facts, Kind.DAMAGED, path, str(unreadable), tracks=recorded[0].rows)
            return None
        facts.size_bytes += len(data)
        digest = hashlib.sha256(data).hexdigest()
        if digest not in {file.sha256 for file in recorded}:
            fault = f"{len(data):,} bytes with sha256 {digest[:12]}…, recorded are {recorded[0].size_bytes:,} bytes"
            self._note(facts, Kind.DAMAGED, path, f"not the committed bytes: {fault}", tracks=recorded[0].rows)
            return None
        try:
            table = self._table(data, path)
        except DamageFound as damage:
            self._note(facts, Kind.DAMAGED, path, printable(str(damage)), tracks=recorded[0].rows)
            return None
        return DataFile.of(path, data, table.num_rows), table

    def _table(self, data: bytes, path: str) -> pa.Table:
        schema = _schema_of(data, path)
        table = from_bytes(data, schema, self._plan.run_id, path)
        metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        if metadata != file_metadata(self._plan):
            raise DamageFound(f"{path} has the metadata of another run")
        return table

    def _check_tables(
        self,
        facts: ShardFacts,
        paths: tuple[str, str],
        found: Sequence[tuple[DataFile, pa.Table] | None],
        tracks: pa.Table | None,
    ) -> None:
        answers, rejects = found
        for path, file in zip(paths, found, strict=True):
            if file is not None:
                self._faults(facts, Kind.WRONG_ROWS, path, wrong_facts(file[1], self._plan))
        if rejects is not None:
            self._faults(facts, Kind.WRONG_VALUES, paths[1], wrong_rejects(rejects[1]))
        if answers is None:
            return
        if self._plan.answers == "scores":
            self._faults(facts, Kind.WRONG_VALUES, paths[0], wrong_scores(answers[1], self._genres))
        else:
            self._faults(facts, Kind.WRONG_ROWS, paths[0], wrong_segments(answers[1]))
            self._faults(facts, Kind.WRONG_VALUES, paths[0], wrong_numbers(answers[1]))
        if not any(finding.path == paths[1] and finding.kind in _UNREADABLE for finding in facts.findings):
            self._faults(
                facts, Kind.WRONG_ROWS, paths[0], wrong_tracks(answers[1], rejects[1] if rejects else None, tracks)
            )
        facts.keys = once_a_track(answers[1]).select(["track_id", "etag"])
        if not any(finding.path in paths for finding in facts.findings):
            counts = Counts.of(answers[1], rejects[1] if rejects else None)
            files = tuple(file[0] for file in found if file is not None)
            facts.record = CommitRecord(shard=facts.shard, files=files, counts=counts)

    def _check_records(
        self,
        facts: ShardFacts,
        marker: StoredRecord[CommitRecord],
        said: Mapping[str, DataFile],
        named: Mapping[str, DataFile] | None,
    ) -> None:
        """Whether marker and manifest say what the files are."""
        if facts.record is None:
            if marker.value is not None and named is not None and list(said.values()) != list(named.values()):
                self._note(facts, Kind.DAMAGED, marker.path, "the commit marker and the manifest name other files")
            return
        if marker.value is not None and marker.fault is None and marker.value != facts.record:
            self._note(facts, Kind.DAMAGED, marker.path, "the commit marker does not say what the files hold")
        if named is not None and tuple(named.values()) != facts.record.files:
            path = layout.manifest_path(self._plan.run_id)
            fault = f"the manifest does not say what the files of shard {facts.shard} hold"
            facts.findings.append(Finding(kind=Kind.DAMAGED, path=path, message=fault, run_id=self._plan.run_id))

    def _faults(self, facts: ShardFacts, kind: Kind, path: str, faults: Iterable[Fault] | Iterator[Fault]) -> None:
        for fault, tracks in faults:
            if tracks:
                self._note(facts, kind, path, fault, tracks=tracks)

    def _note(self, facts: ShardFacts, kind: Kind, path: str, message: str, *, tracks: int = 0) -> None:
        run_id = self._plan.run_id
        finding = Finding(kind=kind, path=path, message=message, tracks=tracks, run_id=run_id, shard=facts.shard)
        facts.findings.append(finding)


_UNREADABLE = frozenset({Kind.MISSING, Kind.DAMAGED})


def _schema_of(data: bytes, path: str) -> pa.Schema:
    """The schema that a file of this name must have; those of features name their descriptors themselves."""
    if path.startswith("scores/"):
        return SCORES
    if path.startswith("rejects/"):
        return REJECTS
    fixed = set(features_schema([]).names)
    return features_schema([name for name in read_columns(data, None, path).column_names if name not in fixed])
