"""What lies in an output and belongs to no run, finished or to be resumed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain

from pydantic import BaseModel, ConfigDict

from genre_batch.config import GcConfig
from genre_batch.errors import UsageError
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan, run_ids
from genre_batch.sink.pointer import as_written, read_pointer, swap_pointer
from genre_batch.sink.run_facts import planned_at
from genre_batch.sink.turn import Head
from genre_batch.storage.links import is_linked
from genre_batch.storage.store import AccessDenied, ObjectGone, ReadFailed, Store, StoredObject
from genre_batch.storage.temporary_files import temporary_files
from genre_batch.verify.findings import Findings
from genre_batch.verify.pointers import identity_path, new_claim
from genre_batch.verify.run_check import State, state_of, state_without_plan
from genre_batch.verify.run_files import RunFiles, run_files
from genre_batch.verify.run_records import head_of, heads_naming, read_run_records
from genre_batch.verify.table_files import TABLES, belongs_to, run_and_shard, table_files


class Why(StrEnum):
    """Why something is a leftover."""

    EXTRA = "extra"
    TEMPORARY = "temporary"
    UNPUBLISHED = "unpublished"
    QUARANTINED = "quarantined"
    STAGED = "staged"
    GIVEN_UP = "given_up"


class Leftover(BaseModel):
    """One object; `path` is relative to the output."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: str
    size_bytes: int
    why: Why


@dataclass(slots=True)
class Standing:
    """What a run has a right to. trusted: its records can be read, so that they may be gone by.

    named: the files of its manifest, None where it has none.
    """

    state: State
    plan: RunPlan | None
    files: RunFiles
    trusted: bool
    named: set[str] | None = field(default=None)


class Leftovers:
    """Finds leftovers, in an order in which they can be removed: what is left after a crash is still consistent.

    kept: what was left alone although no run names it, and why. over: the runs of which nothing is to be left.
    """

    def __init__(self, store: Store, config: GcConfig, now: datetime) -> None:
        self._store, self._config, self._output = store, config, config.output
        self._young = now.astimezone(UTC) - timedelta(hours=config.min_age_h)
        self.kept: list[str] = []
        self.over: list[str] = []

    def find(self) -> Iterator[Leftover]:
        """All leftovers.

        Raises UsageError where the run to be given up is not an unfinished one, or where a link is among its files: it
        would be given up in part.
        """
        runs = {run_id: self._standing(run_id) for run_id in run_ids(self._store, self._output)}
        given_up = self._config.unfinished
        if given_up is not None:
            self._check_given_up(given_up, runs.get(given_up) or self._standing(given_up))
            self.over.append(given_up)
            yield from self._of_given_up(given_up, runs)
        for path, found in table_files(self._store, self._output):
            if self._is_extra(path, found, runs):
                yield self._leftover(found, Why.EXTRA)
        for run_id, run in runs.items():
            yield from self._of_run(run_id, run)
        yield from self._temporary()

    def _standing(self, run_id: str) -> Standing:
        files, findings = run_files(self._store, self._output, run_id), Findings()
        records = read_run_records(self._store, self._output, files, findings)
        if records.plan is None:
            state = state_without_plan(self._store, self._output, files)
            if state is State.LOST and run_id != self._config.unfinished:
                self.kept.append(f"{layout.run_path(run_id, '')}: run {run_id} has lost its plan; verify it first")
            return Standing(state, None, files, trusted=state is State.UNPUBLISHED)
        state = state_of(self._store, self._output, files, records.plan, findings)
        if findings.damage:
            self.kept.append(f"{layout.run_path(run_id, '')}: run {run_id} is damaged; verify it first")
        named = {file.path for file in records.manifest.files} if records.manifest else None
        return Standing(state, records.plan, files, trusted=not findings.damage, named=named)

    def _is_extra(self, path: str, found: StoredObject, runs: dict[str, Standing]) -> bool:
        named = run_and_shard(path)
        run = runs.get(named[0]) if named else None
        if named is None:
            return layout.is_own(self._output, found.uri) and self._was_written_long_ago(path, found.uri)
        if run is None:
            return self._is_old(named[0])
        if named[0] == self._config.unfinished or not run.trusted or run.plan is None:
            return False
        if run.state is State.FINISHED:
            return run.named is not None and path not in run.named
        return not belongs_to(path, run.plan, named[1])

    def _of_run(self, run_id: str, run: Standing) -> Iterator[Leftover]:
        if run.state is State.UNPUBLISHED and run.trusted and self._is_over(run_id, run):
            self.over.append(run_id)
            folder = layout.at(self._output, layout.run_path(run_id, ""))
            yield from (self._leftover(found, Why.UNPUBLISHED) for found in self._store.list(folder))
        elif run.state is State.FINISHED and run.trusted:
            yield from (self._leftover(found, Why.QUARANTINED) for found in run.files.quarantined)
            yield from (self._leftover(found, Why.STAGED) for found in run.files.staged)

    def _is_over(self, run_id: str, run: Standing) -> bool:
        """Whether the driver that planned an unpublished run can never publish it, or has had time enough.

        A newer head was put there after this driver had looked at the head, so its swap fails.
        """
        head = head_of(self._store, self._output, run.plan).value if run.plan else None
        return (head is not None and head.run_id > run_id) or self._is_old(run_id)

    def _is_old(self, run_id: str) -> bool:
        if planned_at(run_id) <= self._young:
            return True
        self.kept.append(f"{run_id}: planned less than {self._config.min_age_h:g} h ago; its driver may be at work")
        return False

    def _was_written_long_ago(self, path: str, uri: str) -> bool:
        """Whether nobody can still be at work on a file whose name says nothing of a run."""
        try:
            written_at = self._store.head(uri).modified_at
        except ObjectGone:
            return False
        except (AccessDenied, ReadFailed):
            written_at = None
        if written_at is None:
            self.kept.append(f"{path}: how old it is cannot be told")
        elif written_at > self._young:
            self.kept.append(f"{path}: written less than {self._config.min_age_h:g} h ago; its writer may be at work")
        return written_at is not None and written_at <= self._young

    def _check_given_up(self, run_id: str, run: Standing) -> None:
        """A run whose plan is lost can be given up too, as long as nothing says that it has finished."""
        ended = run.files.records & {"manifest.json", "report.json"}
        if run.state is not State.UNFINISHED and (run.state is not State.LOST or ended):
            raise UsageError(f"{run_id} is no unfinished run of {self._output}", "`genre-batch verify` lists them")
        tables = (found for _, found in table_files(self._store, self._output, run_id))
        records = self._store.list(layout.at(self._output, layout.run_path(run_id, "")))
        for found in chain(tables, records):
            if is_linked(self._output, found.uri):
                raise UsageError(
                    f"{found.uri!r}, of the run to be given up, is a link or lies behind one",
                    "take the link out of the output, then start again",
                )

    def _of_given_up(self, run_id: str, runs: Mapping[str, Standing]) -> Iterator[Leftover]:
        """Markers, then rejects, then answers: what is left is what a driver writes first. The plan goes last."""
        folder = layout.at(self._output, layout.run_path(run_id, ""))
        plan_uri = layout.at(self._output, layout.plan_path(run_id))
        commits = layout.at(self._output, layout.commits_folder(run_id))
        yield from (self._leftover(found, Why.GIVEN_UP) for found in self._store.list(commits))
        for _, found in table_files(self._store, self._output, run_id, TABLES[::-1]):
            yield self._leftover(found, Why.GIVEN_UP)
        yield from self._head_of_given_up(run_id, runs)
        rest = [found for found in self._store.list(folder) if not found.uri.startswith(commits)]
        rest.sort(key=lambda each: each.uri == plan_uri)
        yield from (self._leftover(found, Why.GIVEN_UP) for found in rest)

    def _head_of_given_up(self, run_id: str, runs: Mapping[str, Standing]) -> Iterator[Leftover]:
        """The head, unless an earlier run of the same kind can have it back."""
        finished = [run.plan for run in runs.values() if run.state is State.FINISHED and run.plan]
        for path in heads_naming(self._store, self._output, run_id):
            found = read_pointer(self._store, layout.at(self._output, path), Head)
            earlier = [plan for plan in finished if identity_path(plan) == path]
            if found is None or found[0].run_id != run_id:
                continue
            if not earlier:
                yield Leftover(path=path, size_bytes=len(as_written(found[0])), why=Why.GIVEN_UP)
            elif self._config.delete:
                swap_pointer(self._store, layout.at(self._output, path), new_claim(earlier[-1]), found[1])

    def _temporary(self) -> Iterator[Leftover]:
        for folder in (*(f"{table}/" for table in TABLES), layout.RUNS_FOLDER):
            for file in temporary_files(layout.at(self._output, folder)):
                if file.age_s >= self._config.min_age_h * 3600:
                    yield self._leftover(StoredObject(file.uri, "", file.size_bytes), Why.TEMPORARY)

    def _leftover(self, found: StoredObject, why: Why) -> Leftover:
        path = found.uri.removeprefix(layout.at(self._output, ""))
        return Leftover(path=path, size_bytes=max(0, found.size_bytes), why=why)
