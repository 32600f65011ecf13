"""What a repair would do, and when it refuses before anything is touched."""

from pathlib import Path

import pytest
from sink.table_facts import everything
from verify.stand_in import sink_resumes

from genre_batch.errors import UsageError
from genre_batch.sink import layout
from genre_batch.sink.layout import give_up_hint
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore
from genre_batch.verify import repair_plan
from genre_batch.verify.output import Output
from genre_batch.verify.repair_plan import RepairPlan, plan_repair
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import VerifyConfig

Runs = tuple[RunPlan, RunPlan]


def planned(output: Path) -> RepairPlan:
    return plan_repair(Output(LocalStore(), str(output)), verify(VerifyConfig(output=str(output))).findings)


def test_whole_files_are_not_scored_again(output: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    sink_resumes(monkeypatch)
    (output / layout.commit_path(runs[0].run_id, 0)).unlink()
    (output / layout.commit_path(runs[0].run_id, 2)).write_bytes(b"")
    (output / layout.answers_path(runs[0], 1)).unlink()
    (run,) = planned(output).runs
    assert (run.plan, run.again, [record.shard for record in run.rewritten]) == (runs[0], [1], [0, 2])
    assert run.settings is not None
    assert run.settings.output == str(output)


def test_another_bundle_is_refused_with_the_difference(output: Path, runs: Runs) -> None:
    """The bundle in the settings is the shipped one, which is not the model of these runs."""
    (output / layout.answers_path(runs[0], 1)).unlink()
    before = everything(LocalStore(), str(output))
    with pytest.raises(UsageError, match="mel-cnn-1") as refused:
        planned(output)
    assert runs[0].fingerprint[:16] in str(refused.value)
    assert "default is now" in str(refused.value)
    assert everything(LocalStore(), str(output)) == before


def test_a_run_of_the_first_default_is_repaired_with_the_bundle_that_is_now_cheap(
    output: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    (output / layout.answers_path(runs[0], 1)).unlink()
    monkeypatch.setattr(repair_plan, "shipped_with", {runs[0].fingerprint: "cheap"}.get)
    with pytest.raises(UsageError, match="cheap is now gtzan-textures"):
        planned(output)  # these runs were not really made with it


def test_no_bundle_is_needed_where_nothing_is_scored(output: Path, runs: Runs) -> None:
    (output / layout.manifest_path(runs[0].run_id)).unlink()
    (run,) = planned(output).runs
    assert (run.settings, run.again, run.reopens) == (None, [], True)


def test_a_lost_plan_cannot_be_repaired(output: Path, unfinished: RunPlan) -> None:
    (output / layout.plan_path(unfinished.run_id)).unlink()
    plan = planned(output)
    assert plan.runs == []
    assert any(give_up_hint(str(output), unfinished.run_id) in each for each in plan.hopeless)
