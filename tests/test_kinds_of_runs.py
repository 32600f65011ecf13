"""Runs of different kinds over one source, at the same time."""

from contextlib import nullcontext
from itertools import permutations
from pathlib import Path
from typing import get_args

import pytest

from genre_batch.config import ScoreConfig, load
from genre_batch.run import possession
from genre_batch.run.jobs import scoring_job
from genre_batch.run.planning import resume_or_plan
from genre_batch.sink.plan import RunKind, RunPlan
from genre_batch.storage.local import LocalStore


def planned(source: Path, run_kind: RunKind) -> tuple[RunPlan, bool]:
    places = {"source": str(source), "output": f"{source}-out"}
    config = load(ScoreConfig, None, (f"run_kind={run_kind}",), places)
    return resume_or_plan(config, scoring_job(config), LocalStore())


@pytest.mark.parametrize("at_work", [True, False])
@pytest.mark.parametrize(("first", "second"), [*permutations(get_args(RunKind), 2)])
def test_a_run_leaves_to_one_of_another_kind_what_that_has_listed_if_it_may_be_continued(
    first: RunKind,
    second: RunKind,
    at_work: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An interrupted first try must not keep the catalog from all nights that follow; a backfill is often paused."""
    monkeypatch.setattr(possession, "_BEAT_EVERY_S", 0.05)
    source = tmp_path / "in"
    source.mkdir()
    for name in "ab":
        (source / f"{name}.mp3").write_bytes(b"xyz")
    unfinished, _ = planned(source, first)
    (source / "c.mp3").write_bytes(b"later")
    with possession.possession_of(LocalStore(), f"{source}-out", unfinished) if at_work else nullcontext():
        plan, resumed = planned(source, second)
    kept = at_work or "backfill" in (first, second)
    assert (resumed, plan.run_kind, plan.tracks) == (False, second, 1 if kept else 3)
    said = f"the unfinished {first} run {unfinished.run_id} keeps the 2 tracks"
    assert (said in capsys.readouterr().err) is kept
    assert planned(source, first) == (unfinished, True)
