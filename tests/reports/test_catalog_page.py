"""The page of a catalog: what its figures show, and that every value is text."""

from pathlib import Path

import pytest
from outputs import write_run
from page_checks import read_page
from reports.finished_catalog import finished_catalog

from genre_batch.reports.catalog_page import MOST_DRAWN, catalog_page, runs_figure
from genre_batch.reports.catalog_report import CatalogReport, read_catalog
from genre_batch.storage.local import LocalStore


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> CatalogReport:
    folder = tmp_path_factory.mktemp("week")
    finished_catalog(folder)
    return read_catalog(str(folder))


def test_runs_are_drawn_oldest_first_without_unfinished_ones(report: CatalogReport) -> None:
    top, below = runs_figure(report.runs).axes
    finished = [run for run in report.runs if run.finished]
    scored, rejected = top.patches[: len(finished)], top.patches[len(finished) :]
    assert [bar.get_height() for bar in scored] == [run.scored for run in finished]
    assert [bar.get_y() for bar in rejected] == [run.scored for run in finished]
    assert list(below.lines[0].get_ydata()) == [run.tracks_per_s for run in finished]
    assert below.get_xticklabels()[0].get_text() == f"{finished[0].planned_at:%m-%d}"


def test_only_the_newest_runs_are_drawn(report: CatalogReport) -> None:
    many = [report.runs[0].model_copy(update={"scored": number, "rejected": 0}) for number in range(MOST_DRAWN + 10)]
    top, below = runs_figure(many).axes
    assert [bar.get_height() for bar in top.patches] == [float(number) for number in range(10, MOST_DRAWN + 10)]
    assert len(below.get_xticks()) <= 5
    assert top.get_legend() is None


def test_it_shows_the_catalog_and_escapes_every_name(report: CatalogReport) -> None:
    html = catalog_page(report, {report.runs[0].run_id: "run%20one.html"})
    page = read_page(html)
    assert page.title == f"Catalog {report.output}"
    assert page.drawings == [
        "Tracks by genre",
        "Tracks by confidence",
        "Tracks without an answer by reason",
        "Tracks and tracks per second of each run",
    ]
    for words in ("<script>alert(1)</script>", "0010<b>&.mp3", "1.75 EUR", "failed, published", "The canaries changed"):
        assert words in page.text
    assert '<a href="run%20one.html">' in html
    assert f"{report.drift.genre_psi:.3f}" in page.text if report.drift else False


def test_a_table_without_records_has_a_page(tmp_path: Path) -> None:
    write_run(LocalStore(), str(tmp_path), 0, {("a", "1"): "rock"})
    report = read_catalog(str(tmp_path)).model_copy(update={"runs": (), "models": (), "least_sure": (), "genres": ()})
    page = read_page(catalog_page(report))
    for words in ("No track got a genre", "every track has an answer", "no record of a run", "none to show"):
        assert words in page.text
