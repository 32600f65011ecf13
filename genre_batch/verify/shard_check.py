"""Checks one committed shard against its marker, the manifest and its rows of the listing."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from genre_batch.catalog.reject import printable
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.parquet import from_table_file
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.record import CommitRecord, Counts, DataFile
from genre_batch.sink.tables import one_row_per_track
from genre_batch.verify.findings import Finding, Findings, Kind
from genre_batch.verify.output import Output, kind_of
from genre_batch.verify.records import StoredRecord, read_record
from genre_batch.verify.rows import (
    Fault,
    wrong_facts,
    wrong_numbers,
    wrong_rejects,
    wrong_scores,
    wrong_segments,
    wrong_tracks,
)
from genre_batch.wording import plural

_File = tuple[DataFile, pa.Table]


@dataclass(slots=True)
class ShardFacts:
    """What a check found out about one shard.

    marker: what its marker says, None if that is missing or cannot be parsed. record: what the marker should say,
    computed from files that agree with the marker or the manifest; None if any of them does not. keys: track_id and
    etag of its answers, one row per track; None if they cannot be read. size_bytes: read.
    """

    shard: int
    findings: Findings
    marker: CommitRecord | None = None
    record: CommitRecord | None = None
    keys: pa.Table | None = None
    size_bytes: int = 0


class ShardCheck:
    """Checks the shards of one run. It holds no state, so threads may share it.

    named: the files of the run's manifest by path, None if the run has none. genres: those of its model, if known.
    """

    def __init__(
        self, output: Output, plan: RunPlan, named: Mapping[str, DataFile] | None, genres: Sequence[str] | None
    ) -> None:
        self._output, self._plan = output, plan
        self._named, self._genres = named, genres

    def check(self, shard: int, tracks: pa.Table | None) -> ShardFacts:
        """The facts of one shard. tracks: its rows of the listing, None if the listing cannot be read."""
        facts = ShardFacts(shard, Findings(self._plan.run_id, shard))
        marker = read_record(self._output, layout.commit_path(self._plan.run_id, shard), CommitRecord)
        facts.marker = marker.value
        if marker.data is None:
            facts.findings.add(Kind.MISSING, marker.path, "the commit marker is missing")
        elif marker.fault:
            facts.findings.add(Kind.DAMAGED, marker.path, f"the commit marker {marker.fault}")
        marked = {file.path: file for file in marker.value.files} if marker.value else {}
        paths = layout.answers_path(self._plan, shard), layout.rejects_path(self._plan, shard)
        if marker.value is not None and tuple(marked) not in (paths[:1], paths):
            facts.findings.add(Kind.DAMAGED, marker.path, "the commit marker names other files than those of its shard")
        named = None if self._named is None else {path: self._named[path] for path in paths if path in self._named}
        recorded = [[files[path] for files in (marked, named or {}) if path in files] for path in paths]
        answers, rejects = (self._file(facts, path, files) for path, files in zip(paths, recorded, strict=True))
        self._check_rows(facts, paths, answers, rejects, tracks)
        self._check_records(facts, marker, marked, named)
        return facts

    def _file(self, facts: ShardFacts, path: str, recorded: Sequence[DataFile]) -> _File | None:
        """The file at `path` and its table, if marker or manifest record it and it is that file."""
        if not recorded:
            return None
        try:
            data = self._output.read(path, missing="a committed file is missing")
            facts.size_bytes += len(data)
            digest = hashlib.sha256(data).hexdigest()
            if digest not in {file.sha256 for file in recorded}:
                found = f"{plural(len(data), 'byte')} with sha256 {digest[:12]}…"
                raise DamageFound(
                    f"not the committed bytes: {found}, recorded are {plural(recorded[0].size_bytes, 'byte')}"
                )
            table = from_table_file(data, layout.table_of(path), self._plan, path)
        except DamageFound as damage:
            facts.findings.add(kind_of(damage), path, printable(str(damage)), tracks=recorded[0].rows)
            return None
        return DataFile.of(path, data, table.num_rows), table

    def _check_rows(
        self,
        facts: ShardFacts,
        paths: tuple[str, str],
        answers: _File | None,
        rejects: _File | None,
        tracks: pa.Table | None,
    ) -> None:
        found = facts.findings
        unreadable = {finding.path for finding in found.kept}
        for path, file in zip(paths, (answers, rejects), strict=True):
            if file is not None:
                _add(found, Kind.WRONG_ROWS, path, wrong_facts(file[1], self._plan))
        if rejects is not None:
            _add(found, Kind.WRONG_VALUES, paths[1], wrong_rejects(rejects[1]))
        if answers is None:
            return
        if self._plan.answers == "scores":
            _add(found, Kind.WRONG_VALUES, paths[0], wrong_scores(answers[1], self._genres))
        else:
            _add(found, Kind.WRONG_ROWS, paths[0], wrong_segments(answers[1]))
            _add(found, Kind.WRONG_VALUES, paths[0], wrong_numbers(answers[1]))
        rejected = rejects[1] if rejects else None
        if paths[1] not in unreadable:
            _add(found, Kind.WRONG_ROWS, paths[0], wrong_tracks(answers[1], rejected, tracks))
        facts.keys = one_row_per_track(answers[1]).select(["track_id", "etag"])
        if not any(finding.path in paths for finding in found.kept):
            files = (answers[0],) if rejects is None else (answers[0], rejects[0])
            facts.record = CommitRecord(shard=facts.shard, files=files, counts=Counts.of(answers[1], rejected))

    def _check_records(
        self,
        facts: ShardFacts,
        marker: StoredRecord[CommitRecord],
        marked: Mapping[str, DataFile],
        named: Mapping[str, DataFile] | None,
    ) -> None:
        """Whether marker and manifest describe the files as they are."""
        if facts.record is None:
            if marker.value is not None and named is not None and list(marked.values()) != list(named.values()):
                facts.findings.add(Kind.DAMAGED, marker.path, "the commit marker and the manifest name other files")
            return
        if marker.value is not None and marker.fault is None and marker.value != facts.record:
            facts.findings.add(Kind.DAMAGED, marker.path, "the commit marker does not describe its files")
        if named is not None and tuple(named.values()) != facts.record.files:
            path = layout.manifest_path(self._plan.run_id)
            fault = f"the manifest does not describe the files of shard {facts.shard}"
            facts.findings.extend([Finding(kind=Kind.DAMAGED, path=path, message=fault, run_id=self._plan.run_id)])


def _add(findings: Findings, kind: Kind, path: str, faults: Iterator[Fault]) -> None:
    for fault, tracks in faults:
        if tracks:
            findings.add(kind, path, fault, tracks=tracks)
