"""What the records of runs say, also when some are missing, damaged or of an earlier version."""

import json
from pathlib import Path

import pytest
from reports.finished_catalog import NIGHTS, RATIOS, finished_catalog

from genre_batch.reports import run_history
from genre_batch.reports.run_history import newest_good, read_history
from genre_batch.sink.verdict import write_verdict
from genre_batch.storage.local import LocalStore

STORE = LocalStore()


def test_each_run_has_its_figures(tmp_path: Path) -> None:
    plans = finished_catalog(tmp_path)
    history, older = read_history(STORE, str(tmp_path))
    figures = [each.figures(None) for each in history]
    assert older == 0
    assert [each.run_id for each in figures[:-1]] == [plan.run_id for plan in plans]
    first, backfill = figures[0], figures[-1]
    assert (first.scored, first.rejected, first.reject_rate) == (36, 4, pytest.approx(0.1))
    assert (first.tracks_per_s, first.cpu_s_per_track) == (pytest.approx(5.0), pytest.approx(0.25))
    assert (first.cost, first.currency, first.forecast) == (1.75, "EUR", RATIOS)
    assert (backfill.state, backfill.left, backfill.run_kind) == ("unfinished", 1000, "backfill")
    assert [each.state for each in figures] == [*["finished"] * 2, "failed", *["finished"] * 2, "unfinished"]
    assert [bool(each.canary_changes) for each in figures[:-1]] == [False] * (NIGHTS - 1) + [True]
    assert backfill.canary_changes is None


def test_records_that_are_missing_or_damaged_hide_nothing_else(tmp_path: Path) -> None:
    plans = finished_catalog(tmp_path)
    runs = [tmp_path / "_runs" / plan.run_id for plan in plans]
    (runs[0] / "report.json").unlink()
    (runs[1] / "report.json").write_text(json.dumps({"run_id": "of another version"}))
    (runs[2] / "manifest.json").write_text("{")
    (runs[3] / "canaries.json").unlink()
    figures = [each.figures(None) for each in read_history(STORE, str(tmp_path))[0]]
    assert [each.run_id for each in figures[:-1]] == [plans[number].run_id for number in (0, 1, 3, 4)]
    assert [each.tracks_per_s is None for each in figures[:-1]] == [True, True, False, False]
    assert figures[2].canary_changes is None


def test_only_the_newest_runs_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished_catalog(tmp_path)
    monkeypatch.setattr(run_history, "MOST_RUNS", 2)
    history, older = read_history(STORE, str(tmp_path))
    assert (len(history), older) == (2, NIGHTS - 1)


def test_the_newest_good_run_is_finished_and_did_not_fail(tmp_path: Path) -> None:
    plans = finished_catalog(tmp_path)
    history = read_history(STORE, str(tmp_path))[0]
    newest = newest_good(history, "mel-cnn-1")
    assert newest is not None
    assert newest.plan == plans[-1]
    assert newest_good(history, "another") is None
    assert newest_good(history[2:3], "mel-cnn-1") is None
    write_verdict(STORE, str(tmp_path), plans[2].run_id, None)
    assert newest_good(read_history(STORE, str(tmp_path))[0][2:3], "mel-cnn-1") is not None
