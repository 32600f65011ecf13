"""The runs of several bundles are planned from one listing, and grouped by what they have to do."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from several_bundles import copy_of, settings
from sink.shard_rows import make_plan

from genre_batch.catalog.source import ListedTracks
from genre_batch.errors import UsageError
from genre_batch.run.jobs import scoring_job
from genre_batch.run.planning import resume_or_plan
from genre_batch.run.siblings import passes, plan_runs
from genre_batch.storage.local import LocalStore


def nobody(_: object) -> list[object]:
    raise AssertionError("there is no catalog file")


def test_new_runs_have_one_listing_and_the_first_is_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.mp3", "b.mp3"):
        (tmp_path / "in" / name).write_bytes(b"x")
    other = copy_of("cheap", tmp_path / "other", thresholds={"jazz": 0.9})
    jobs = [scoring_job(each) for each in settings(tmp_path, ["cheap", other]).of_each_bundle()]
    taken, checks = list[int](), list[int]()
    batches = ListedTracks.batches

    def counted(self: ListedTracks) -> Iterator[pa.RecordBatch]:
        for batch in batches(self):
            taken.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(ListedTracks, "batches", counted)
    (first, resumed), (second, _) = plan_runs(jobs, LocalStore(), checks.append, nobody)  # type: ignore[arg-type]
    assert not resumed
    assert (taken, checks) == ([2], [2])
    assert first.run_id > second.run_id
    assert (first.model_id, second.model_id) == (jobs[0].model_id, jobs[1].model_id)
    assert first.listing_sha256 == second.listing_sha256
    (tmp_path / "in" / "later.mp3").write_bytes(b"x")
    again = plan_runs(jobs, LocalStore(), checks.append, nobody)  # type: ignore[arg-type]
    assert again == [(first, True), (second, True)]
    third = scoring_job(settings(tmp_path, ["default"]))
    with pytest.raises(UsageError, match="is unfinished"):
        resume_or_plan(third.config, third, LocalStore())


def test_runs_share_a_pass_if_their_listings_are_equal_and_cut_alike(capsys: pytest.CaptureFixture[str]) -> None:
    alike = [make_plan(model_id=name, listing_sha256="a" * 64) for name in ("one", "two")]
    assert passes(alike) == [[0, 1]]
    assert passes([make_plan(0), *alike]) == [[1, 2]]
    assert capsys.readouterr().err == ""
    newest_first = [make_plan(run_id=f"20261120T00000{day}Z-000000", listing_sha256=str(day) * 64) for day in (2, 1)]
    assert passes(newest_first) == [[1], [0]]  # the latest run is the last to have a manifest
    capsys.readouterr()
    others = [
        make_plan(listing_sha256="b" * 64),
        make_plan(listing_sha256="a" * 64, shard_tracks=3),
        make_plan(listing_sha256="a" * 64, part_tracks=1),
        make_plan(listing_sha256="a" * 64, order="newest"),
        make_plan(),
    ]
    for other in others:
        assert passes([alike[0], other, alike[1]]) == [[0, 2], [1]]
        assert "one after the other: one and two, then mel-cnn-1" in capsys.readouterr().err
