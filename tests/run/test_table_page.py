"""The page of a run shows what its files and its manifest say."""

import shutil
from pathlib import Path

import pytest
from page_checks import read_page
from run.finished_run import finished_run
from sink.shard_rows import RUN_ID, make_plan

from genre_batch.errors import DamageFound, UsageError
from genre_batch.run.table_page import read_run, table_page
from genre_batch.sink.finish import finish
from genre_batch.storage.local import LocalStore


def test_it_shows_the_run_and_escapes_every_genre(tmp_path: Path) -> None:
    manifest = finished_run(tmp_path / "out")
    page = read_page(table_page(read_run(str(tmp_path / "out"))))
    assert page.title == f"Run {RUN_ID}"
    assert len(page.images) == 3
    assert "<script>alert(1)</script>" in page.text
    assert "\\x00\\x1b[31m" in page.text
    share = manifest.counts.abstained / manifest.counts.scored
    assert f"{100 * share:.1f} %" in page.text
    assert "10.0 % of the run" in page.text
    assert "torch 2.13.0" in page.text


def test_a_run_of_that_id_is_taken(tmp_path: Path) -> None:
    finished_run(tmp_path / "out")
    assert read_run(str(tmp_path / "out"), RUN_ID).manifest.plan.run_id == RUN_ID
    with pytest.raises(UsageError, match="no finished run 20261121T065212Z-000000"):
        read_run(str(tmp_path / "out"), "20261121T065212Z-000000")


def test_an_empty_run_and_one_without_rejects_have_a_page(tmp_path: Path) -> None:
    finish(LocalStore(), str(tmp_path / "out"), make_plan(0), [])
    page = read_page(table_page(read_run(str(tmp_path / "out"))))
    assert "No track got a genre" in page.text
    assert "every track was scored" in page.text


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_a_finished_run_is_told(exists: bool, tmp_path: Path) -> None:
    if exists:
        (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="no finished run"):
        read_run(str(tmp_path / "out"))


def test_a_run_of_plain_features_is_told(tmp_path: Path) -> None:
    finish(LocalStore(), str(tmp_path / "out"), make_plan(0, answers="features"), [])
    with pytest.raises(UsageError, match="wrote features, no scores"):
        read_run(str(tmp_path / "out"))


def test_files_that_are_gone_or_another_s_are_told(tmp_path: Path) -> None:
    manifest = finished_run(tmp_path / "out")
    scores = [tmp_path / "out" / file.path for file in manifest.files if file.path.startswith("scores/")]
    (tmp_path / "out" / manifest.files[-1].path).rename(tmp_path / "away")
    with pytest.raises(UsageError, match="does not exist"):
        read_run(str(tmp_path / "out"))
    (tmp_path / "away").rename(tmp_path / "out" / manifest.files[-1].path)
    shutil.copy(scores[-1], scores[0])
    with pytest.raises(DamageFound, match="other rows"):
        read_run(str(tmp_path / "out"))
