from pathlib import Path

import pyarrow.parquet as pq
from sink.shard_rows import rejects_file, scores_file

from genre_batch.config import VerifyConfig
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.verify.table_files import belongs_to, run_and_shard
from genre_batch.verify.verification import verify


def kinds(output: Path) -> dict[str, str]:
    return {finding.path: str(finding.kind) for finding in verify(VerifyConfig(output=str(output))).findings}


def test_names_are_told_apart(runs: tuple[RunPlan, RunPlan]) -> None:
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


def test_a_file_that_cannot_be_taken_over_is_damage(output: Path, unfinished: RunPlan) -> None:
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
