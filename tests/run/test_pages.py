"""`report` by its settings: which page is written, and that a failure writes none."""

from pathlib import Path

import audio_samples
import pytest
from page_checks import read_page
from run.finished_run import finished_run
from small_bundle import write_small_bundle

from genre_batch.config import ReportConfig
from genre_batch.errors import UsageError
from genre_batch.run.pages import write_report


def test_the_page_of_a_run(tmp_path: Path) -> None:
    finished_run(tmp_path / "out")
    written = write_report(ReportConfig(source=str(tmp_path / "out"), output=str(tmp_path / "run.html")))
    assert written.page == str(tmp_path / "run.html")
    assert written.size_bytes == (tmp_path / "run.html").stat().st_size
    assert read_page((tmp_path / "run.html").read_text(encoding="utf-8")).title.startswith("Run ")


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
