"""The page of a run: what its figures show, and which runs it refuses."""

import shutil
from pathlib import Path

import pytest
from page_checks import read_page
from reports.finished_run import finished_run
from sink.shard_rows import RUN_ID, make_plan

from genre_batch.errors import DamageFound, UsageError
from genre_batch.reports.run_page import MOST_BARS, confidence_figure, counts_figure, read_run_table, run_page
from genre_batch.sink.finish import finish
from genre_batch.storage.local import LocalStore


def test_the_most_frequent_name_is_on_top() -> None:
    (axes,) = counts_figure({"blues": 2, "<script>": 1500}, "tracks").axes
    assert [bar.get_width() for bar in axes.patches] == [1500, 2]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["<script>", "blues"]
    assert [text.get_text() for text in axes.texts] == ["1,500", "2"]
    assert axes.get_xlabel() == "tracks"


def test_only_the_most_frequent_names_are_drawn() -> None:
    (axes,) = counts_figure({f"genre {number}": number for number in range(100)}, "tracks").axes
    assert len(axes.patches) == MOST_BARS
    assert axes.patches[0].get_width() == 99


def test_abstained_tracks_are_stacked_on_the_answered_ones() -> None:
    (axes,) = confidence_figure([1, 2, 3, 4], [2, 0, 0, 0]).axes
    answered, abstained = axes.patches[:4], axes.patches[4:]
    assert [bar.get_height() for bar in answered] == [1, 2, 3, 4]
    assert (abstained[0].get_y(), abstained[0].get_height()) == (1, 2)
    assert [bar.get_x() for bar in answered] == [0.0, 0.25, 0.5, 0.75]


def test_without_abstentions_there_is_one_colour() -> None:
    (axes,) = confidence_figure([1, 2], [0, 0]).axes
    assert len(axes.patches) == 2
    assert axes.get_legend() is None


def test_few_tracks_are_counted_in_whole_numbers() -> None:
    (names,) = counts_figure({"blues": 3, "jazz": 1}, "tracks").axes
    (sure,) = confidence_figure([1, 2], [0, 0]).axes
    for ticks in (names.get_xticks(), sure.get_yticks()):
        assert all(float(tick).is_integer() for tick in ticks)


def test_it_shows_the_run_and_escapes_every_genre(tmp_path: Path) -> None:
    manifest = finished_run(tmp_path / "out")
    page = read_page(run_page(read_run_table(str(tmp_path / "out"))))
    assert page.title == f"Run {RUN_ID}"
    assert page.drawings == ["Tracks by genre", "Tracks by confidence", "Tracks by reject reason"]
    assert "<script>alert(1)</script>" in page.text
    assert "\\x00\\x1b[31m" in page.text
    share = manifest.counts.abstained / manifest.counts.scored
    assert f"{100 * share:.1f} %" in page.text
    assert "10.0 % of the run" in page.text
    assert "torch 2.13.0" in page.text


def test_equally_frequent_genres_are_in_the_order_of_the_figure(tmp_path: Path) -> None:
    finished_run(tmp_path / "out", tracks=40, genres=("rock", "blues", "jazz", "metal"))
    run = read_run_table(str(tmp_path / "out"))
    run.tally.genres.update({"rock": 3, "zydeco": 12, "ambient": 12})
    ordered = [name for name, _ in run.tally.by_frequency()]
    (axes,) = counts_figure(run.tally.genres, "tracks").axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ordered
    assert len(set(run.tally.genres.values())) < len(ordered)
    page = run_page(run, catalog="report.html")
    places = [page.index(f'class="text">{name}</th>') for name in ordered]
    assert places == sorted(places)
    assert '<a href="report.html">' in page


def test_a_run_is_found_by_its_id(tmp_path: Path) -> None:
    finished_run(tmp_path / "out")
    assert read_run_table(str(tmp_path / "out"), RUN_ID).manifest.plan.run_id == RUN_ID
    with pytest.raises(UsageError, match="no finished run 20261121T065212Z-000000"):
        read_run_table(str(tmp_path / "out"), "20261121T065212Z-000000")


def test_an_empty_run_and_one_without_rejects_have_a_page(tmp_path: Path) -> None:
    finish(LocalStore(), str(tmp_path / "out"), make_plan(0), [])
    page = read_page(run_page(read_run_table(str(tmp_path / "out"))))
    assert "No track got a genre" in page.text
    assert "every track was scored" in page.text


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_a_finished_run_is_an_error(exists: bool, tmp_path: Path) -> None:
    if exists:
        (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="no finished run"):
        read_run_table(str(tmp_path / "out"))


def test_a_run_of_features_is_an_error(tmp_path: Path) -> None:
    finish(LocalStore(), str(tmp_path / "out"), make_plan(0, answers="features"), [])
    with pytest.raises(UsageError, match="wrote features, not scores"):
        read_run_table(str(tmp_path / "out"))


def test_missing_and_swapped_files_are_errors(tmp_path: Path) -> None:
    manifest = finished_run(tmp_path / "out")
    scores = [tmp_path / "out" / file.path for file in manifest.files if file.path.startswith("scores/")]
    (tmp_path / "out" / manifest.files[-1].path).rename(tmp_path / "away")
    with pytest.raises(UsageError, match="does not exist"):
        read_run_table(str(tmp_path / "out"))
    (tmp_path / "away").rename(tmp_path / "out" / manifest.files[-1].path)
    shutil.copy(scores[-1], scores[0])
    with pytest.raises(DamageFound, match="do not match its manifest"):
        read_run_table(str(tmp_path / "out"))
