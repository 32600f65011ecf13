"""A clean output to damage: two finished runs, and a third that stopped after some of its shards."""

import shutil
from pathlib import Path

import pytest
from verify.outputs import commit_shards, plan_run, tracks_of, two_runs

from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunPlan, RunPlan]:
    folder = tmp_path_factory.mktemp("made") / "table"
    return folder, *two_runs(LocalStore(), str(folder))


@pytest.fixture
def runs(made_once: tuple[Path, RunPlan, RunPlan]) -> tuple[RunPlan, RunPlan]:
    """The plans of the two runs of `output`."""
    return made_once[1:]


@pytest.fixture
def output(made_once: tuple[Path, RunPlan, RunPlan], tmp_path: Path) -> Path:
    """A copy of an output with two finished runs of one model."""
    return Path(shutil.copytree(made_once[0], tmp_path / "table"))


@pytest.fixture
def unfinished(output: Path) -> RunPlan:
    """A third run in `output`, of which shards 0 and 2 of 5 are committed."""
    tracks = tracks_of(range(20, 40))
    plan = plan_run(LocalStore(), str(output), tracks, day=2)
    commit_shards(LocalStore(), str(output), plan, tracks, [0, 2])
    return plan
