"""Of two plans that differ, the right one is found."""

from pathlib import Path

import pytest

from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore
from genre_batch.verify.findings import Findings
from genre_batch.verify.run_files import run_files
from genre_batch.verify.run_records import RunRecords, read_run_records


def records(output: Path, plan: RunPlan) -> tuple[RunRecords, list[str]]:
    findings, store = Findings(), LocalStore()
    found = read_run_records(store, str(output), run_files(store, str(output), plan.run_id), findings)
    return found, [finding.path.rsplit("/", 1)[-1] for finding in findings.kept]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("name", ["plan.json", "manifest.json"])
@pytest.mark.parametrize(("old", "new"), [("s3://music/", "s3://musik/"), ("mel-cnn-1", "mel-cnn-7"), ("0000", "0001")])
def test_the_plan_that_was_edited_is_the_wrong_one(
    name: str, old: str, new: str, output: Path, runs: tuple[RunPlan, RunPlan]
) -> None:
    edit(output / layout.run_path(runs[0].run_id, name), old, new)
    found, faults = records(output, runs[0])
    assert found.plan == runs[0]
    assert faults == [name]


def test_a_missing_plan_is_in_the_manifest(output: Path, runs: tuple[RunPlan, RunPlan]) -> None:
    (output / layout.plan_path(runs[0].run_id)).unlink()
    found, faults = records(output, runs[0])
    assert (found.plan, faults) == (runs[0], ["plan.json"])


def test_the_head_vouches_for_the_plan_of_an_unfinished_run(output: Path, unfinished: RunPlan) -> None:
    assert records(output, unfinished) == (RunRecords(unfinished, None), [])
    edit(output / layout.plan_path(unfinished.run_id), '"git_sha": "0', '"git_sha": "1')
    assert records(output, unfinished)[1] == ["plan.json"]


def test_no_plan_at_all(output: Path, runs: tuple[RunPlan, RunPlan]) -> None:
    for path in (layout.plan_path(runs[0].run_id), layout.manifest_path(runs[0].run_id)):
        (output / path).unlink()
    found, faults = records(output, runs[0])
    assert (found, faults) == (RunRecords(None, None), ["plan.json"])
