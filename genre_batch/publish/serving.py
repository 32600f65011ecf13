"""The serving table: what each step changed in what is served, in files that are only ever added.

Files of a step are written after the pointer has moved to it, so each row that a reader finds was really served. A
publisher that is killed before it has written all of them leaves that to the next one: the rows follow from the step,
and a record names all files once they exist. Until then the rest of the step is missing, and nothing else.
"""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, NonNegativeInt

from genre_batch.errors import DamageFound
from genre_batch.publish.changes import changes, served_runs
from genre_batch.publish.labels import read_labels
from genre_batch.publish.pointer import Published, read_step, steps
from genre_batch.publish.serving_rows import ServingRows
from genre_batch.sink import layout
from genre_batch.sink.finish import RunManifest, read_manifest
from genre_batch.sink.json_records import as_written, exists, parse, read_json
from genre_batch.sink.parquet import file_bytes, read_columns
from genre_batch.sink.record import DataFile
from genre_batch.storage.store import Store


class ServingRecord(BaseModel):
    """All serving files of one step, in the order of their rows; no files if the step changed nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    step: str
    files: tuple[DataFile, ...]

    @property
    def rows(self) -> NonNegativeInt:
        """The number of rows of the step."""
        return sum(file.rows for file in self.files)


def serving_record(store: Store, output: str, step: str) -> ServingRecord | None:
    """The serving files of a step; None if they are not complete. Raises DamageFound if that cannot be understood."""
    return read_json(store, layout.at(output, layout.serving_record_path(step)), ServingRecord, output)


def unserved_steps(store: Store, output: str) -> list[Published]:
    """The steps whose serving files are not complete, oldest first. Costs one request if there are none."""
    pending: list[Published] = []
    for step in steps(store, output):
        if exists(store, layout.at(output, layout.serving_record_path(step.step))):
            break
        pending.append(step)
    return pending[::-1]


def write_serving(store: Store, output: str) -> list[ServingRecord]:
    """Write what is missing of the serving table, and return the records that were missing.

    Safe to repeat, and in several publishers at once: none overwrites a file, and each goes on after those that exist.
    Raises DamageFound if a run that was served is damaged, and what the store raises.
    """
    return [write_step(store, output, step) for step in unserved_steps(store, output)]


def write_step(store: Store, output: str, step: Published) -> ServingRecord:
    """Write what is missing of one step, which took effect. Raises as `write_serving` does."""
    before = read_step(store, output, step.before) if step.before else None
    manifests = {
        run_id: published_manifest(store, output, run_id) for run_id in {*served_runs(before), *served_runs(step)}
    }
    mapping = read_labels(store, output, step.taxonomy) if step.taxonomy else None
    maker = ServingRows(store, output, step, manifests, mapping)
    files = _Files(store, output, step)
    for changed in changes(store, output, before, step, manifests):
        while (left := changed.filter(pc.greater(changed["track_id"], files.last))).num_rows:
            files.add(maker.rows(left, datetime.now(UTC)))
    record = ServingRecord(step=step.step, files=tuple(files.written))
    uri = layout.at(output, layout.serving_record_path(step.step))
    if not store.create(uri, as_written(record)):
        return parse(store.read(uri), ServingRecord, uri, output)
    return record


def published_manifest(store: Store, output: str, run_id: str) -> RunManifest:
    """The manifest of a run that was published. Raises DamageFound if it is missing, and what the store raises."""
    manifest = read_manifest(store, output, run_id)
    if manifest is None:
        path = layout.manifest_path(run_id)
        raise DamageFound(f"{path} is missing, and the run was published", layout.repair_hint(output))
    return manifest


class _Files:
    """The files of one step, in the order of their rows. last: up to which track_id they have its rows."""

    def __init__(self, store: Store, output: str, step: Published) -> None:
        self._store, self._output, self._step = store, output, step
        self.written: list[DataFile] = []
        self.last = ""
        while self._adopt():
            pass

    def add(self, rows: pa.Table) -> None:
        """Write the rows as the next file, unless another publisher was first; then its file is the next one."""
        data = file_bytes(rows, {"step": self._step.step, "model_id": self._step.model_id})
        if self._store.create(layout.at(self._output, self._next), data):
            self._append(data, rows)
        elif not self._adopt():
            raise DamageFound(f"{self._next} was removed while it was written", layout.repair_hint(self._output))

    @property
    def _next(self) -> str:
        return layout.serving_path(serving_day(self._step), self._step.step, len(self.written))

    def _adopt(self) -> bool:
        """Take over the next file if there is one; whether there was."""
        path = self._next
        uri = layout.at(self._output, path)
        if not exists(self._store, uri):
            return False
        data = self._store.read(uri)
        self._append(data, read_columns(data, ["track_id"], path, self._output))
        return True

    def _append(self, data: bytes, rows: pa.Table) -> None:
        self.written.append(DataFile.of(self._next, data, rows.num_rows))
        self.last = rows["track_id"][-1].as_py()


def serving_day(step: Published) -> str:
    """The partition of a step: the UTC date on which it was published, as YYYY-MM-DD."""
    return step.at.astimezone(UTC).date().isoformat()
