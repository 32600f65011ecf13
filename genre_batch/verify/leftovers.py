"""Finds what is in an output and belongs to no run, whether finished or unfinished."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain

from pydantic import BaseModel, ConfigDict

from genre_batch.errors import UsageError
from genre_batch.sink import layout
from genre_batch.sink.json_records import as_written, read_pointer, swap_pointer
from genre_batch.sink.plan import RunPlan, run_ids
from genre_batch.sink.run_claim import Head
from genre_batch.sink.run_facts import planned_at
from genre_batch.storage.local_tree import is_linked
from genre_batch.storage.store import AccessDenied, ObjectGone, ReadFailed, StoredObject
from genre_batch.storage.whole_file import temporary_files
from genre_batch.verify.done_check import replaced_files
from genre_batch.verify.findings import Findings
from genre_batch.verify.output import Output
from genre_batch.verify.pointers import new_claim
from genre_batch.verify.records import RunFiles, State, head_of, heads_naming, identity_path, read_run
from genre_batch.verify.serving_check import unknown_files
from genre_batch.verify.table_files import TABLES, belongs_to, run_and_shard, table_files
from genre_batch.verify.verify_config import GcConfig


class Why(StrEnum):
    """Why something is a leftover."""

    EXTRA = "extra"
    TEMPORARY = "temporary"
    UNPUBLISHED = "unpublished"
    QUARANTINED = "quarantined"
    STAGED = "staged"
    GIVEN_UP = "given_up"
    REPLACED = "replaced"


class Leftover(BaseModel):
    """One object; `path` is relative to the output."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: str
    size_bytes: int
    why: Why


@dataclass(frozen=True, slots=True)
class _Run:
    """trusted: its records are intact. named: the files in its manifest, None if it has none."""

    state: State
    plan: RunPlan | None
    files: RunFiles
    trusted: bool
    named: frozenset[str] | None


class Leftovers:
    """Finds leftovers, in an order in which they can be removed: a crash leaves the rest consistent.

    kept: what is not removed although no run names it, and why. over: the runs that are removed completely.
    """

    def __init__(self, output: Output, config: GcConfig, now: datetime) -> None:
        self._output, self._config = output, config
        self._old = now.astimezone(UTC) - timedelta(hours=config.min_age_h)
        self.kept: list[str] = []
        self.over: list[str] = []

    def find(self) -> Iterator[Leftover]:
        """All leftovers.

        Raises UsageError if the run to give up is not unfinished, or if a link is among its files, since only part of
        it would be given up; also if a newer version of genre-batch wrote a run.
        """
        runs = {run_id: self._run(run_id) for run_id in run_ids(self._output.store, self._output.root)}
        given_up = self._config.unfinished
        if given_up is not None:
            self._check_given_up(given_up, runs.get(given_up) or self._run(given_up))
            self.over.append(given_up)
            yield from self._of_given_up(given_up, runs)
        for path, found in table_files(self._output):
            if self._is_extra(path, found, runs):
                yield self._leftover(found, Why.EXTRA)
        for path, found in unknown_files(self._output, Findings(), reads_files=False):
            if layout.is_own(self._output.root, found.uri) and self._is_old_file(path, found.uri):
                yield self._leftover(found, Why.EXTRA)
        for path, found in replaced_files(self._output, self.kept):
            if self._is_old_file(path, found.uri):
                yield self._leftover(found, Why.REPLACED)
        for run_id, run in runs.items():
            yield from self._of_run(run_id, run)
        yield from self._temporary()

    def _run(self, run_id: str) -> _Run:
        findings = Findings()
        run = read_run(self._output, run_id, findings)
        if run.plan is None:
            if run.state is State.LOST and run_id != self._config.unfinished:
                self.kept.append(f"{layout.run_path(run_id, '')}: run {run_id} has lost its plan; verify it first")
            return _Run(run.state, None, run.files, trusted=run.state is State.UNPUBLISHED, named=None)
        if findings.damage:
            self.kept.append(f"{layout.run_path(run_id, '')}: run {run_id} is damaged; verify it first")
        named = frozenset(file.path for file in run.manifest.files) if run.manifest else None
        return _Run(run.state, run.plan, run.files, trusted=not findings.damage, named=named)

    def _is_extra(self, path: str, found: StoredObject, runs: Mapping[str, _Run]) -> bool:
        named = run_and_shard(path)
        run = runs.get(named[0]) if named else None
        if named is None:
            return layout.is_own(self._output.root, found.uri) and self._is_old_file(path, found.uri)
        if run is None:
            return self._is_old_run(named[0])
        if named[0] == self._config.unfinished or not run.trusted or run.plan is None:
            return False
        if run.state is State.FINISHED:
            return run.named is not None and path not in run.named
        return not belongs_to(path, run.plan, named[1])

    def _of_run(self, run_id: str, run: _Run) -> Iterator[Leftover]:
        if run.state is State.UNPUBLISHED and run.trusted and self._is_over(run_id, run):
            self.over.append(run_id)
            for _, found in self._output.list(layout.run_path(run_id, "")):
                yield self._leftover(found, Why.UNPUBLISHED)
        elif run.state is State.FINISHED and run.trusted:
            yield from (self._leftover(found, Why.QUARANTINED) for found in run.files.quarantined)
            yield from (self._leftover(found, Why.STAGED) for found in run.files.staged)

    def _is_over(self, run_id: str, run: _Run) -> bool:
        """Whether the driver that planned an unpublished run can no longer make it the head, or has had enough time.

        If the head is newer, it was moved after this driver had read it, so the driver's swap fails.
        """
        head = head_of(self._output, run.plan).value if run.plan else None
        return (head is not None and head.run_id > run_id) or self._is_old_run(run_id)

    def _is_old_run(self, run_id: str) -> bool:
        if planned_at(run_id) <= self._old:
            return True
        self.kept.append(f"{run_id}: planned less than {self._config.min_age_h:g} h ago; its driver may be at work")
        return False

    def _is_old_file(self, path: str, uri: str) -> bool:
        """Whether no writer can still be at work on a file whose name contains no run."""
        try:
            written_at = self._output.store.head(uri).modified_at
        except ObjectGone:
            return False
        except (AccessDenied, ReadFailed):
            written_at = None
        if written_at is None:
            self.kept.append(f"{path}: its age is unknown")
        elif written_at > self._old:
            self.kept.append(f"{path}: written less than {self._config.min_age_h:g} h ago; its writer may be at work")
        return written_at is not None and written_at <= self._old

    def _check_given_up(self, run_id: str, run: _Run) -> None:
        """A run that has lost its plan can be given up too, unless something shows that it has finished."""
        ended = run.files.records & {"manifest.json", "report.json"}
        if run.state is not State.UNFINISHED and (run.state is not State.LOST or ended):
            raise UsageError(
                f"{run_id} is not an unfinished run of {self._output.root}", "`genre-batch verify` lists them"
            )
        records = self._output.list(layout.run_path(run_id, ""))
        for _, found in chain(table_files(self._output, run_id), records):
            if is_linked(self._output.root, found.uri):
                raise UsageError(
                    f"{found.uri!r}, of the run to give up, is a link or is behind one",
                    "take the link out of the output, then start again",
                )

    def _of_given_up(self, run_id: str, runs: Mapping[str, _Run]) -> Iterator[Leftover]:
        """Markers, then rejects, then answers, in reverse order of writing. The plan goes last."""
        commits, plan_path = layout.commits_folder(run_id), layout.plan_path(run_id)
        yield from (self._leftover(found, Why.GIVEN_UP) for _, found in self._output.list(commits))
        for _, found in table_files(self._output, run_id, TABLES[::-1]):
            yield self._leftover(found, Why.GIVEN_UP)
        yield from self._head_of_given_up(run_id, runs)
        rest = [each for each in self._output.list(layout.run_path(run_id, "")) if not each[0].startswith(commits)]
        rest.sort(key=lambda each: each[0] == plan_path)
        yield from (self._leftover(found, Why.GIVEN_UP) for _, found in rest)

    def _head_of_given_up(self, run_id: str, runs: Mapping[str, _Run]) -> Iterator[Leftover]:
        """The head, unless there is an earlier run for it to go back to."""
        finished = [run.plan for run in runs.values() if run.state is State.FINISHED and run.plan]
        for path in heads_naming(self._output, run_id):
            uri = self._output.uri(path)
            found = read_pointer(self._output.store, uri, Head)
            earlier = [plan for plan in finished if identity_path(plan) == path]
            if found is None or found[0].run_id != run_id:
                continue
            if not earlier:
                yield Leftover(path=path, size_bytes=len(as_written(found[0])), why=Why.GIVEN_UP)
            elif self._config.delete:
                swap_pointer(self._output.store, uri, new_claim(earlier[-1]), found[1])

    def _temporary(self) -> Iterator[Leftover]:
        tables = (f"{table}/" for table in TABLES)
        for folder in (*tables, layout.SERVING_FOLDER, layout.RUNS_FOLDER):
            for file in temporary_files(self._output.uri(folder)):
                if file.age_s >= self._config.min_age_h * 3600:
                    yield self._leftover(StoredObject(file.uri, "", file.size_bytes), Why.TEMPORARY)

    def _leftover(self, found: StoredObject, why: Why) -> Leftover:
        return Leftover(path=self._output.path(found.uri), size_bytes=max(0, found.size_bytes), why=why)
