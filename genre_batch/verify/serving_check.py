"""Checks the serving table: every step has its files, as they were written, and every file is of a step."""

import hashlib
import re
from collections.abc import Iterator, Sequence

from genre_batch.errors import DamageFound
from genre_batch.publish.pointer import Published
from genre_batch.publish.serving import ServingRecord
from genre_batch.sink import layout
from genre_batch.storage.store import StoredObject
from genre_batch.verify.findings import Finding, Findings, Kind
from genre_batch.verify.output import Output, kind_of
from genre_batch.verify.records import read_record
from genre_batch.wording import plural

_FILE = re.compile(r"serving/dt=[0-9-]{10}/(?P<step>\d{8,}-[0-9a-f]{8})-\d{5}\.parquet", re.ASCII)
_RECORD = re.compile(rf"{layout.PUBLISHED_FOLDER}serving/(?P<step>.+)\.json", re.ASCII)


def step_of_file(path: str) -> str | None:
    """The step in the name of a serving file; None if it has another kind of name."""
    match = _FILE.fullmatch(path)
    return match["step"] if match else None


def damaged_step(finding: Finding) -> str | None:
    """The step whose serving files a finding is about, if they can be written again."""
    match = _RECORD.fullmatch(finding.path) or _FILE.fullmatch(finding.path)
    return match["step"] if match and finding.kind is not Kind.EXTRA else None


def check_serving(output: Output, findings: Findings) -> None:
    """Whether the files of all steps are there as they were written, and no others."""
    newest = read_record(output, layout.PUBLISHED, Published)
    if newest.data is None and any(step_of_file(path) for path, _ in output.list(layout.SERVING_FOLDER)):
        findings.add(Kind.MISSING, layout.PUBLISHED, "the pointer to what is served is missing, and serving/ has rows")
        return
    for path, _ in unknown_files(output, findings, reads_files=True):
        findings.add(Kind.EXTRA, path, "this file belongs to no step that was published")


def unknown_files(output: Output, findings: Findings, *, reads_files: bool) -> Iterator[tuple[str, StoredObject]]:
    """The files below serving/ that belong to no step. Adds what is wrong with those of the steps to `findings`.

    There are none if the steps cannot be read to the end, because any file may be of one of those. reads_files: whether
    to compare the bytes of all files with their record.
    """
    steps = _chain(output, findings)
    if steps is None:
        return
    records = _records(output, steps, findings)
    if reads_files:
        for record in records:
            _check_files(output, record, findings)
    names = {file.path for record in records for file in record.files}
    complete, known = {record.step for record in records}, {step.step for step in steps}
    newest = steps[0].step if steps else ""
    for path, found in output.list(layout.SERVING_FOLDER):
        step_name = step_of_file(path)
        # one that is newer was published after verification began
        is_of_step = step_name is not None and (step_name in known - complete or step_name > newest)
        if path not in names and not is_of_step and not path.startswith(layout.DELTA_LOG_FOLDER):
            yield path, found


def _records(output: Output, steps: Sequence[Published], findings: Findings) -> list[ServingRecord]:
    """The records of those steps that have one; steps: newest first."""
    records: list[ServingRecord] = []
    waiting = 0
    for step in steps:
        found = read_record(output, layout.serving_record_path(step.step), ServingRecord)
        if found.fault:
            findings.add(Kind.DAMAGED, found.path, f"it {found.fault}")
        elif found.value is not None:
            records.append(found.value)
        elif records:
            findings.add(Kind.MISSING, found.path, "a later step has its serving files, and this one has not")
        else:
            waiting += 1
    if waiting:
        fault = f"the serving rows of {plural(waiting, 'step')} are not complete; the next `publish` writes them"
        findings.add(Kind.UNCOMMITTED, layout.SERVING_FOLDER, fault)
    return records


def _chain(output: Output, findings: Findings) -> list[Published] | None:
    """The steps that took effect, newest first; None if one cannot be read."""
    path: str | None = layout.PUBLISHED
    steps: list[Published] = []
    while path is not None:
        found = read_record(output, path, Published)
        if found.value is None:
            if steps:
                kind = Kind.DAMAGED if found.fault else Kind.MISSING
                findings.add(kind, path, f"it {found.fault}" if found.fault else "a step of what was served is missing")
            return None if steps or found.fault else []
        steps.append(found.value)
        path = layout.published_step_path(found.value.before) if found.value.before else None
    return steps


def _check_files(output: Output, record: ServingRecord, findings: Findings) -> None:
    for file in record.files:
        try:
            data = output.read(file.path)
        except DamageFound as damage:
            findings.add(kind_of(damage), file.path, str(damage))
            continue
        if hashlib.sha256(data).hexdigest() != file.sha256:
            findings.add(Kind.DAMAGED, file.path, "its bytes are not those that were written", tracks=file.rows)
