"""The record of a shard is recomputed only from files that two of file, marker and manifest agree on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sink.shard_rows import FACTS, make_plan, score
from verify.injury import flip
from verify.outputs import tracks_of

from genre_batch.catalog.track_table import to_batch
from genre_batch.sink import layout
from genre_batch.sink.finish import read_manifest
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import SCHEMA_VERSION, AnsweredTrack, DescribedTrack, feature_columns
from genre_batch.sink.tables import to_table
from genre_batch.storage.local import LocalStore
from genre_batch.verify.output import Output
from genre_batch.verify.shard_check import ShardCheck, ShardFacts

TRACKS = tracks_of(range(4, 8))
LISTED = pa.Table.from_batches([to_batch(TRACKS)])


def checked(output: Path, plan: RunPlan, *, manifest: bool = True) -> ShardFacts:
    found = read_manifest(LocalStore(), str(output), plan.run_id)
    named = {file.path: file for file in found.files} if manifest and found else None
    return ShardCheck(Output(LocalStore(), str(output)), plan, named, ["jazz", "rock"]).check(1, LISTED)


def test_a_whole_shard(output: Path, runs: tuple[RunPlan, RunPlan]) -> None:
    facts = checked(output, runs[0])
    assert facts.findings.kept == []
    assert facts.record == facts.marker == Ledger(LocalStore(), str(output), runs[0]).record(1)
    assert facts.keys == LISTED.select(["track_id", "etag"])


@pytest.mark.parametrize("manifest", [True, False])
def test_without_its_marker_the_files_are_checked_against_the_manifest(
    manifest: bool, output: Path, runs: tuple[RunPlan, RunPlan]
) -> None:
    record = checked(output, runs[0]).record
    (output / layout.commit_path(runs[0].run_id, 1)).unlink()
    facts = checked(output, runs[0], manifest=manifest)
    assert [finding.kind for finding in facts.findings.kept] == ["missing"]
    assert facts.record == (record if manifest else None)


@pytest.mark.parametrize("planned", range(1, SCHEMA_VERSION + 1))
@pytest.mark.parametrize("written", range(1, SCHEMA_VERSION + 1))
def test_a_shard_is_judged_by_the_schema_version_of_its_plan(planned: int, written: int, tmp_path: Path) -> None:
    plan = make_plan(8, shard_tracks=4, schema_version=planned)
    other = plan.model_copy(update={"schema_version": written})
    Ledger(LocalStore(), str(tmp_path), other).commit(1, [score(track) for track in TRACKS], [])
    facts = ShardCheck(Output(LocalStore(), str(tmp_path)), plan, None, None).check(1, LISTED)
    assert [str(finding.kind) for finding in facts.findings.kept] == ([] if planned == written else ["damaged"])


def test_a_damaged_file_has_no_record(output: Path, runs: tuple[RunPlan, RunPlan]) -> None:
    import random

    flip(output / layout.answers_path(runs[0], 1), random.Random(0))
    facts = checked(output, runs[0])
    assert facts.record is None
    assert [(finding.kind, finding.tracks) for finding in facts.findings.kept] == [("damaged", 4)]


def test_a_marker_of_another_shard(output: Path, runs: tuple[RunPlan, RunPlan]) -> None:
    other = (output / layout.commit_path(runs[0].run_id, 2)).read_bytes()
    (output / layout.commit_path(runs[0].run_id, 1)).write_bytes(other)
    facts = checked(output, runs[0])
    assert {finding.path for finding in facts.findings.kept} == {layout.commit_path(runs[0].run_id, 1)}
    assert any("other files than those of its shard" in finding.message for finding in facts.findings.kept)
    assert facts.record is not None


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("tempo", 120.0, None),
        ("tempo", float("nan"), "wrong_values"),
        ("segment", 7, "wrong_rows"),
        ("segment_start_s", 15.0, "wrong_rows"),
        ("decoder", "another", "wrong_rows"),
    ],
)
def test_features_that_were_committed_wrong(column: str, value: object, kind: str | None, tmp_path: Path) -> None:
    plan = make_plan(8, answers="features", shard_tracks=4)

    def make_table(rows: Sequence[AnsweredTrack], run: RunFacts) -> pa.Table:
        described = [row for row in rows if isinstance(row, DescribedTrack)]
        table = to_table(described, feature_columns(["tempo"], 3.0), run)
        values, place = table[column].to_pylist(), table.column_names.index(column)
        values[1] = value
        return table.set_column(place, table.field(column), pa.array(values, table.field(column).type))

    rows = [DescribedTrack(track, FACTS, np.ones((2, 1, 1), np.float32)) for track in TRACKS]
    Ledger(LocalStore(), str(tmp_path), plan, make_table).commit(1, rows, [])
    facts = ShardCheck(Output(LocalStore(), str(tmp_path)), plan, None, None).check(1, LISTED)
    assert [str(finding.kind) for finding in facts.findings.kept] == ([kind] if kind else [])
    assert (facts.record is None) == bool(kind)
