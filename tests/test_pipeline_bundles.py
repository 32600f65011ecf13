"""Several bundles in one start: each has the run that it would have alone, whatever stops them. Without Ray."""

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from several_bundles import StandIn, copy_of, settings, without_ray
from table_checks import comparable, rows
from typer.testing import CliRunner

from genre_batch import pipeline
from genre_batch.cli.app import app
from genre_batch.errors import UsageError
from genre_batch.pipeline import score, score_each
from genre_batch.run.run_report import RunReports
from genre_batch.sink.finish import Latest
from genre_batch.storage.local import LocalStore
from genre_batch.verify.gc import collect_garbage
from genre_batch.verify.verification import verify
from genre_batch.verify.verify_config import GcConfig, VerifyConfig

__all__ = ["without_ray"]
pytestmark = pytest.mark.usefixtures("without_ray")

CUT = ("shard_tracks=4", "part_tracks=2", "max_reject_rate=1.0")
TRACKS = ["1.mp3", "2-odd.mp3", "3.mp3", "4-silent.mp3", "5.mp3"]
WAYS_ON = ["both", "first", "second"]
"""Starts after a kill: with both bundles again, or with one after the other."""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A second model with the front end of `default`."""
    return copy_of("default", tmp_path_factory.mktemp("bundles") / "other", name="other", thresholds={"disco": 1.0})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name in TRACKS:
        (tmp_path / "in" / name).write_bytes(name.encode())
    return tmp_path


def start(folder: Path, *bundles: str) -> RunReports:
    return score_each(settings(folder, bundles, *CUT))


def check(folder: Path, singles: Path, *bundles: str) -> None:
    """The output is that of two single runs; it is sound, and nothing is left over."""
    found = {table: comparable(folder / "out", table) for table in ("scores", "rejects")}
    for table, its_rows in found.items():
        assert sorted(map(str, its_rows)) == sorted(map(str, expected(folder, singles, table, bundles)))
    removed = collect_garbage(GcConfig(output=str(folder / "out"), min_age_h=0.0, delete=True))
    # a driver that died while it planned; times in run ids may be ahead of the clock, and gc waits for it then
    assert removed.counts.keys() <= {"unpublished"}
    assert verify(VerifyConfig(output=str(folder / "out"))).counts.keys() <= {"unpublished"}
    assert comparable(folder / "out", "scores") == found["scores"]


def expected(folder: Path, singles: Path, table: str, bundles: Sequence[str]) -> list[dict[str, object]]:
    if not singles.exists():
        for bundle in bundles:
            score(settings(folder, [bundle], *CUT).model_copy(update={"output": str(singles)}))
    return comparable(singles, table)


def test_two_bundles_give_the_tables_of_two_runs_and_go_through_the_tracks_once(
    folder: Path, tmp_path: Path, other: str
) -> None:
    reports = start(folder, "default", other)
    assert StandIn.passes == [([0, 1, 2], 2)]
    first, second = reports.runs
    assert (first.scored, first.rejects_by_reason, first.done) == (4, {"silent": 1}, 5)
    assert (second.scored, second.rejects_by_reason) == (3, {"silent": 1, "not_finite": 1})
    assert [run.model_id.rpartition("-")[0] for run in reports.runs] == ["gtzan-musicnn", "other"]
    latest = Latest.model_validate_json((folder / "out" / "_latest.json").read_text())
    assert latest.run_id == first.run_id
    check(folder, tmp_path / "singles", "default", other)
    assert [run.run_id for run in start(folder, "default", other).runs] == [None, None]
    assert [score(settings(folder, [bundle], *CUT)).run_id for bundle in ("default", other)] == [None, None]


class Killed(BaseException):
    """The process ends here."""


class DeadlyStore:
    """A store that ends the start instead of its writing operation number `writes` (from 0), and all later ones."""

    def __init__(self, writes: int) -> None:
        self._store, self.left = LocalStore(), writes

    def __getattr__(self, name: str) -> Any:
        if name in {"write", "create", "replace", "delete"}:
            if self.left <= 0:
                raise Killed
            self.left -= 1
        return getattr(self._store, name)


def killed(folder: Path, writes: int, *bundles: str) -> bool:
    """A start with several bundles that is killed instead of this write; False if it came to its end before."""
    store = DeadlyStore(writes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "open_store", lambda _: store)
        try:
            start(folder, *bundles)
        except Killed:
            return True
    return False


def finish_alone(folder: Path, *bundles: str) -> None:
    """Starts with one bundle each, until all have their run; one may have to wait for the other's unfinished run."""
    for bundle in (*bundles, *bundles):
        with suppress(UsageError):
            score(settings(folder, [bundle], *CUT))


@pytest.mark.slow
@pytest.mark.parametrize("way_on", WAYS_ON)
def test_after_a_kill_before_any_write_each_way_on_gives_the_same_tables(
    folder: Path, tmp_path: Path, other: str, way_on: str
) -> None:
    """Each way on follows every third write; all writes have one."""
    writes, both = WAYS_ON.index(way_on), ("default", other)
    while killed(folder, writes, *both):
        if way_on == "both":
            start(folder, *both)
        else:
            finish_alone(folder, *(both if way_on == "first" else both[::-1]))
        check(folder, tmp_path / "singles", *both)
        shutil.rmtree(folder / "out", ignore_errors=True)
        writes += len(WAYS_ON)
    assert writes > 30


def test_a_part_that_one_run_has_already_is_done_for_the_other_alone(folder: Path, tmp_path: Path, other: str) -> None:
    """The first bundle's run is ahead of the second's, whose parts are all to do."""
    reports = start(folder, "default", other)
    ahead, behind = (str(run.run_id) for run in reports.runs)
    for record in (folder / "out" / "_runs" / behind).glob("commits/*1.json"):
        record.unlink()
    for run_id in (ahead, behind):
        (folder / "out" / "_runs" / run_id / "manifest.json").unlink()
    before = {file: file.stat().st_mtime_ns for file in (folder / "out" / "scores").rglob("*.parquet")}
    StandIn.passes.clear()
    again = start(folder, "default", other)
    assert StandIn.passes == [([2], 2)]
    assert [(run.resumed, run.kept, run.done) for run in again.runs] == [(True, 5, 0), (True, 4, 1)]
    assert {file: file.stat().st_mtime_ns for file in before} == before
    check(folder, tmp_path / "singles", "default", other)


def test_a_model_that_joins_later_catches_up_in_a_pass_of_its_own(
    folder: Path, tmp_path: Path, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    score(settings(folder, ["default"], *CUT))
    (folder / "in" / "6.mp3").write_bytes(b"new")
    StandIn.passes.clear()
    first, second = start(folder, "default", other).runs
    assert sorted(StandIn.passes) == [([0], 1), ([0, 1, 2], 1)]
    assert (first.skipped, first.scored, second.skipped, second.done) == (5, 1, 0, 6)
    assert "have different tracks to do, so they go one after the other" in capsys.readouterr().err
    (folder / "in" / "7.mp3").write_bytes(b"newer")
    StandIn.passes.clear()
    assert [run.scored for run in start(folder, "default", other).runs] == [1, 1]
    assert StandIn.passes == [([0], 2)]
    check(folder, tmp_path / "singles", "default", other)


def test_what_another_run_does_meanwhile_is_left_out_for_its_model_alone(
    folder: Path, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of the first model over a part of the source ends after both are planned."""
    (folder / "in" / "shelf").mkdir()
    (folder / "in" / "shelf" / "9.mp3").write_bytes(b"9")
    plans = pipeline.plan_runs

    def plan_and_wait(*arguments: Any) -> Any:
        planned = plans(*arguments)
        with monkeypatch.context() as patch:
            patch.setattr(pipeline, "plan_runs", plans)
            shelf = settings(folder, ["default"], *CUT).model_copy(update={"source": str(folder / "in" / "shelf")})
            assert score(shelf).scored == 1
        return planned

    monkeypatch.setattr(pipeline, "plan_runs", plan_and_wait)
    first, second = start(folder, "default", other).runs
    assert (first.scored, first.rejects_by_reason) == (4, {"silent": 1, "done_elsewhere": 1})
    assert (second.scored, second.rejects_by_reason) == (4, {"silent": 1, "not_finite": 1})
    assert verify(VerifyConfig(output=str(folder / "out"))).findings == ()
    assert len(rows(folder / "out", "scores")) == 9


def test_one_run_alone_may_fail(folder: Path, other: str) -> None:
    failing = settings(folder, ["default", other], "max_reject_rate=0.3")
    reports = score_each(failing)
    assert [run.failure is None for run in reports.runs] == [True, False]
    assert reports.failure is not None
    assert str(reports.runs[1].run_id) in reports.failure.message
    assert reports.summary().count("table: ") == 2


def test_one_bundle_in_a_list_is_that_bundle(folder: Path, other: str) -> None:
    listed = settings(folder, ["default", other], *CUT).model_copy(update={"bundles": ("default",)})
    assert score(listed).scored == 4
    assert score(settings(folder, ["default"], *CUT)).run_id is None


def test_the_same_model_twice_is_refused(folder: Path, tmp_path: Path) -> None:
    again = copy_of("default", tmp_path / "copy")
    with pytest.raises(UsageError, match=r"bundles names the model gtzan-musicnn-.* twice"):
        start(folder, "default", again)
    for verb in (score, pipeline.plan):
        with pytest.raises(UsageError, match="bundles names several models"):
            verb(settings(folder, ["default", again], *CUT))


def test_a_plan_says_which_models_share_a_pass(folder: Path, other: str) -> None:
    both = settings(folder, ["default", other], *CUT, "forecast.tracks=0")
    plans = pipeline.plan_each(both)
    assert [(plan.tracks, plan.shards) for plan in plans.plans] == [(5, 2), (5, 2)]
    assert plans.passes == (tuple(plan.model_id for plan in plans.plans),)
    assert "in one pass: gtzan-musicnn-" in plans.summary()
    score(settings(folder, ["default"], *CUT))
    (folder / "in" / "6.mp3").write_bytes(b"new")
    assert [len(models) for models in pipeline.plan_each(both).passes] == [1, 1]


def test_the_command_shows_the_report_of_each_run_and_ends_with_the_worst_exit_code(folder: Path, other: str) -> None:
    words = ["score", str(folder / "in"), str(folder / "out"), "--set", f"bundles=[default, {other}]"]
    done = CliRunner().invoke(app, [*words, "--set", "max_reject_rate=0.3", "--json"])
    report = json.loads(done.stdout)
    assert [run["scored"] for run in report["runs"]] == [4, 3]
    assert report["passes"] == [[run["run_id"] for run in report["runs"]]]
    assert done.exit_code == 3
    assert "2 of 5 tracks rejected" in done.stderr
    again = CliRunner().invoke(app, [*words, "--set", "max_reject_rate=0.5"])
    assert again.exit_code == 0, again.output
    assert again.stdout.count("nothing to do") == 2
    plan = CliRunner().invoke(app, [*words, "--plan", "--json"])
    assert [run["tracks"] for run in json.loads(plan.stdout)["plans"]] == [0, 0]
