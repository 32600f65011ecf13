"""Pages treat every value as hostile text, and say how to get their libraries."""

import os
import sys
from pathlib import Path

import pytest
from page_checks import read_page

from genre_batch.decode.window import Span
from genre_batch.errors import UsageError
from genre_batch.reports.figure_style import one_plot, report_libraries
from genre_batch.reports.page import check_page, check_report_libraries, render_page, write_page
from genre_batch.reports.vector import drawing

HOSTILE = "<script>alert('x')</script>\x00\x1b[31m\u202e\"><img src=x onerror=alert(1)>"

DRAWINGS = (
    "waveform",
    "power_spectrum",
    "spectrogram",
    "log_mel",
    "mfcc",
    "chroma",
    "spectral_roll_off",
    "zero_crossings",
)


class _Track:
    uri = HOSTILE
    audio_format, decoder = "wav", HOSTILE
    duration_s, start_s, sample_rate, size_bytes = 1.0, 0.0, 4, 100
    spans = (Span(0.0, 1.0),)
    samples = (0.0,) * 4

    class score:  # noqa: N801 (stands for an attribute)
        abstained, genre, confidence, segments = False, HOSTILE, 0.5, 1
        top_k = ()


def test_what_a_template_shows_is_escaped() -> None:
    figure, _ = one_plot(1.0, 1.0)
    drawings = dict.fromkeys(DRAWINGS, drawing(figure, HOSTILE))
    page = read_page(render_page("track.html.j2", track=_Track, model_id=HOSTILE, drawings=drawings, audio=None))
    shown = HOSTILE.replace("\x00", "\\x00").replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert page.title == shown
    assert page.text.count(shown) == 4
    assert page.drawings == [shown] * 8


@pytest.mark.parametrize("library", ["jinja2", "matplotlib"])
def test_a_missing_library_is_named_with_the_way_to_get_it(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=library) as error:
        check_report_libraries()
    assert "pip install jinja2 matplotlib" in error.value.hint


def test_other_missing_modules_are_not_blamed_on_the_extra() -> None:
    with pytest.raises(ModuleNotFoundError), report_libraries():
        raise ModuleNotFoundError("no", name="librosa")


def test_it_replaces_what_is_there_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    check_page(str(target))
    assert write_page(str(target), "<p>né</p>").size_bytes == 10
    assert target.read_text(encoding="utf-8") == "<p>né</p>"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert target.stat().st_mode & 0o777 == 0o644


def test_a_failure_leaves_the_old_page_and_no_part_of_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        write_page(str(target), "new")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert target.read_text() == "old"


@pytest.mark.parametrize(
    ("place", "fault"),
    [("absent/page.html", "there is no folder"), (".", "is a folder"), ("file.txt/page.html", "there is no folder")],
)
def test_an_unwritable_place_is_an_error_before_any_work(place: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").touch()
    with pytest.raises(UsageError, match=fault):
        check_page(str(tmp_path / place))
    assert not (tmp_path / "absent").exists()


def test_an_address_on_s3_is_an_error() -> None:
    with pytest.raises(UsageError, match="local file"):
        check_page("s3://bucket/page.html")


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/self/attr").exists(), reason="root may write anywhere")
def test_a_folder_that_takes_no_file_is_an_error() -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        check_page("/proc/self/attr/page.html")
