"""Which page the settings ask for, that a failure writes none, and that figures are optional."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import audio_samples
import pytest
from page_checks import read_page
from reports.finished_catalog import finished_catalog
from reports.finished_run import finished_run
from sink.shard_rows import RUN_ID
from small_bundle import write_small_bundle

from genre_batch.errors import UsageError
from genre_batch.reports.catalog_report import CatalogReport
from genre_batch.reports.page import WrittenPage
from genre_batch.reports.write_pages import ReportConfig, write_report


def test_the_page_of_a_run(tmp_path: Path) -> None:
    finished_run(tmp_path / "out")
    written = write_report(ReportConfig(source=str(tmp_path / "out"), run_id=RUN_ID, output=str(tmp_path / "run.html")))
    assert isinstance(written, WrittenPage)
    assert written.page == str(tmp_path / "run.html")
    assert written.size_bytes == (tmp_path / "run.html").stat().st_size
    assert read_page((tmp_path / "run.html").read_text(encoding="utf-8")).title.startswith("Run ")


def test_the_page_of_a_catalog_and_those_of_its_newest_runs(tmp_path: Path) -> None:
    plans = finished_catalog(tmp_path / "out")
    page = tmp_path / "my report.html"
    report = write_report(ReportConfig(source=str(tmp_path / "out"), output=str(page), run_pages=2))
    assert isinstance(report, CatalogReport)
    assert report.page == str(page)
    names = [f"my report-{plan.run_id}.html" for plan in plans[-2:]]
    assert sorted(path.name for path in tmp_path.glob("*.html")) == sorted([page.name, *names])
    text = page.read_text(encoding="utf-8")
    for name in names:
        assert f'<a href="{quote(name)}">' in text
        assert '<a href="my%20report.html">' in (tmp_path / name).read_text(encoding="utf-8")


def test_without_a_file_there_are_figures_only(tmp_path: Path) -> None:
    finished_catalog(tmp_path / "out")
    before = sorted(tmp_path.rglob("*"))
    report = write_report(ReportConfig(source=str(tmp_path / "out")))
    assert isinstance(report, CatalogReport)
    assert report.page is None
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("settings", [{"track": "/a.wav"}, {"source": "/out", "run_id": RUN_ID}])
def test_other_pages_need_a_file(settings: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="no FILE"):
        ReportConfig(**settings)


def test_the_page_of_a_track(tmp_path: Path) -> None:
    bundle = write_small_bundle(tmp_path / "bundle")
    path = tmp_path / "<b>&.wav"
    path.write_bytes(audio_samples.encode(audio_samples.chirp(3, 22_050, 1), 22_050, "wav"))
    output = tmp_path / "track.html"
    write_report(ReportConfig(track=str(path), bundle=str(tmp_path / "bundle"), output=str(output)))
    page = read_page(output.read_text(encoding="utf-8"))
    assert page.title == str(path)
    assert bundle.model_id in page.text
    assert any(f"{genre}, with" in page.text for genre in bundle.manifest.taxonomy.genres)


def test_a_failure_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(UsageError):
        write_report(ReportConfig(track=str(tmp_path / "a.wav"), output=str(tmp_path / "track.html")))
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


@pytest.mark.parametrize("settings", [{}, {"source": "/out", "track": "/a.wav"}])
def test_it_is_about_one_thing(settings: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="to report on"):
        ReportConfig(output="/page.html", **settings)


_WITHOUT_LIBRARIES = """
import sys
sys.modules["matplotlib"] = sys.modules["jinja2"] = None
from genre_batch.cli.app import app
from typer.testing import CliRunner
print(*[CliRunner().invoke(app, arguments.split()).output for arguments in sys.argv[1:]])
"""


def test_without_the_libraries_of_pages_the_error_names_them_and_evaluate_still_runs(tmp_path: Path) -> None:
    verbs = [f"report {tmp_path} {tmp_path}/run.html", f"evaluate default {tmp_path}"]
    command = [sys.executable, "-c", _WITHOUT_LIBRARIES, *verbs]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    assert "jinja2, which is not installed" in done.stdout
    assert "pip install jinja2 matplotlib" in done.stdout
    assert f"error: '{tmp_path}' has no tracks with a genre" in done.stdout
    assert "ModuleNotFoundError" not in done.stdout
