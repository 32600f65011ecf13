"""Files without a marker: the next driver adopts them, so rows of other shards must be found before."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sink.shard_rows import rejects_file, scores_file
from verify.outputs import commit_shards, outcome, tracks_of
from verify.stand_in import sink_resumes

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.layout import repair_hint
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.schema import RejectedTrack, ScoredTrack
from genre_batch.storage.local import LocalStore
from genre_batch.verify.repair import verify_and_repair
from genre_batch.verify.table_files import belongs_to, run_and_shard
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import VerifyConfig

TRACKS = tracks_of(range(20, 40))


def scores(numbers: range, plan: RunPlan) -> bytes:
    rows = [outcome(track) for track in TRACKS[numbers.start : numbers.stop]]
    return scores_file([row for row in rows if isinstance(row, ScoredTrack)], plan)


def rejects(numbers: range, plan: RunPlan) -> bytes:
    rows = [outcome(track) for track in TRACKS[numbers.start : numbers.stop]]
    return rejects_file([row for row in rows if isinstance(row, RejectedTrack)], plan)


def damage(output: Path) -> list[tuple[str, str]]:
    findings = verify(VerifyConfig(output=str(output))).findings
    return [(finding.path, finding.message) for finding in findings if finding.is_damage]


OWN = range(12, 16)
"""The rows of shard 3, which is not committed."""


def test_files_that_a_driver_wrote_before_its_marker_are_not_damage(output: Path, unfinished: RunPlan) -> None:
    (output / layout.answers_path(unfinished, 3)).write_bytes(scores(OWN, unfinished))
    assert damage(output) == []
    (output / layout.rejects_path(unfinished, 3)).write_bytes(rejects(OWN, unfinished))
    assert damage(output) == []


@pytest.mark.parametrize(
    ("answers", "rejected", "name"),
    [
        (range(4, 8), None, layout.answers_path),
        (range(12, 17), None, layout.answers_path),
        (OWN, range(16, 20), layout.rejects_path),
        (OWN, range(0), layout.rejects_path),
    ],
    ids=["answers of another shard", "one too many", "rejects of another shard", "rejects are missing"],
)
def test_rows_of_another_shard_are_moved_away_and_done_again(
    answers: range,
    rejected: range | None,
    name: Callable[[RunPlan, int], str],
    output: Path,
    unfinished: RunPlan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (output / layout.answers_path(unfinished, 3)).write_bytes(scores(answers, unfinished))
    if rejected is not None:
        (output / layout.rejects_path(unfinished, 3)).write_bytes(rejects(rejected, unfinished))
    assert damage(output) == [(name(unfinished, 3), "its rows are not those of its shard")]
    with pytest.raises(DamageFound) as met:
        commit_shards(LocalStore(), str(output), unfinished, TRACKS, [3])
    assert met.value.hint in (repair_hint(), repair_hint(str(output)))
    sink_resumes(monkeypatch)
    assert not verify_and_repair(VerifyConfig(output=str(output), repair=True)).damage
    commit_shards(LocalStore(), str(output), unfinished, TRACKS, [1, 3, 4])
    assert Ledger(LocalStore(), str(output), unfinished).shards() == set(range(5))
    assert damage(output) == []


def kinds(output: Path) -> dict[str, str]:
    return {finding.path: str(finding.kind) for finding in verify(VerifyConfig(output=str(output))).findings}


def test_names_are_parsed(runs: tuple[RunPlan, RunPlan]) -> None:
    path = layout.rejects_path(runs[0], 3)
    assert run_and_shard(path) == (runs[0].run_id, 3)
    assert run_and_shard(path + ".crc") is None
    assert belongs_to(path, runs[0], 3)
    assert not belongs_to(path, runs[0], 2)
    assert not belongs_to(layout.answers_path(runs[0], 4), runs[0], 4)


def test_files_without_a_marker_wait_for_the_next_driver(output: Path, unfinished: RunPlan) -> None:
    (output / layout.answers_path(unfinished, 1)).write_bytes(scores_file([], unfinished))
    found = kinds(output)
    assert found.pop(layout.commits_folder(unfinished.run_id)) == "uncommitted"
    assert list(found.values()) == ["unfinished"]


def test_a_file_that_cannot_be_adopted_is_damage(output: Path, unfinished: RunPlan) -> None:
    (output / layout.answers_path(unfinished, 1)).write_bytes(b"PAR1")
    other = unfinished.model_copy(update={"git_sha": "f" * 40})
    (output / layout.answers_path(unfinished, 3)).write_bytes(scores_file([], other))
    found = kinds(output)
    assert found[layout.answers_path(unfinished, 1)] == "damaged"
    assert found[layout.answers_path(unfinished, 3)] == "damaged"


def test_rejects_without_their_answers_are_damage(output: Path, unfinished: RunPlan) -> None:
    path = output / layout.rejects_path(unfinished, 1)
    path.write_bytes(rejects_file([], unfinished))
    assert pq.read_table(path).num_rows == 0
    assert kinds(output)[layout.answers_path(unfinished, 1)] == "missing"
