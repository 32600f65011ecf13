"""Checks the done-index: its files are as they were written, and its runs are those that it was made from."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow.compute as pc

from genre_batch.errors import DamageFound
from genre_batch.history.done_index import DoneIndex, IndexSegmentFile, segment_faults
from genre_batch.history.done_reader import read_segment_file
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.store import StoredObject
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.output import Output, Unreadable, kind_of, reading
from genre_batch.verify.records import StoredRecord, read_record

_READERS = 8
_PATH = re.compile(
    rf"{layout.DONE_FOLDER}(?P<key>[0-9a-f]{{32}})(/(?P<name>[0-9a-f]{{16}}-\d{{5}}\.parquet)|\.json)", re.ASCII
)


def index_of(path: str) -> str | None:
    """The path of the done-index that a path belongs to; None if it belongs to none."""
    match = _PATH.fullmatch(path)
    return layout.done_index_path(match["key"]) if match else None


def check_done(output: Output, plans: Mapping[str, RunPlan], findings: Findings) -> None:
    """Check the index of each model. plans: of all runs, by id.

    A segment that does not fit its runs any more is not damage: planning reads the runs instead.
    """
    for path, record in _indexes(output).items():
        index = record.value
        if record.fault or index is None or layout.done_index_path(index.key) != path:
            findings.add(Kind.DAMAGED, path, f"it {record.fault or 'is that of another model'}")
            continue
        with ThreadPoolExecutor(_READERS) as executor:
            faults = segment_faults(output.store, output.root, index.segments, plans, executor)
        for segment, fault in zip(index.segments, faults, strict=True):
            if fault:
                findings.add(Kind.STALE, path, f"{fault}; planning reads its runs instead, `publish` renews it")
            for file in segment.files:
                _check_file(output, index.key, file, findings)


def replaced_files(output: Output, kept: list[str]) -> Iterator[tuple[str, StoredObject]]:
    """The files that no index names. Adds to `kept` the indexes that cannot be read, whose files may all be named."""
    indexes, named = _indexes(output), set[str]()
    for path, record in indexes.items():
        if record.value is None:
            kept.append(f"{path}: it {record.fault or 'is missing'}; verify it first")
        else:
            files = (file for segment in record.value.segments for file in segment.files)
            named |= {layout.done_file_path(record.value.key, file.name) for file in files}
    unreadable = {path for path, record in indexes.items() if record.value is None}
    for path, found in output.list(layout.DONE_FOLDER):
        index_path = index_of(path)
        if index_path is not None and path not in indexes and path not in named and index_path not in unreadable:
            yield path, found


def _indexes(output: Output) -> dict[str, StoredRecord[DoneIndex]]:
    """The index of each model by its path."""
    paths = [path for path, _ in output.list(layout.DONE_FOLDER) if index_of(path) == path]
    return {path: read_record(output, path, DoneIndex) for path in paths}


def _check_file(output: Output, key: str, file: IndexSegmentFile, findings: Findings) -> None:
    path = layout.done_file_path(key, file.name)
    try:
        with reading():
            rows = read_segment_file(output.store, output.root, key, file)
    except DamageFound as damage:
        is_there = isinstance(damage, Unreadable) or output.exists(path)
        kind = kind_of(damage) if is_there else Kind.MISSING
        findings.add(kind, path, str(damage), tracks=file.rows)
        return
    ids = rows["track_id"].combine_chunks()
    ends = (rows.num_rows, ids[0].as_py(), ids[-1].as_py()) if len(ids) else (0, "", "")
    if ends != (file.rows, file.first, file.last) or pc.any(pc.less(ids[1:], ids[:-1])).as_py():
        findings.add(Kind.DAMAGED, path, "its rows are not those that the index names")
