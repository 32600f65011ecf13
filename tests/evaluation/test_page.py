"""Pages take every value for hostile text, and say how to get their libraries."""

import sys

import pytest
from page_checks import read_page

from genre_batch.errors import UsageError
from genre_batch.evaluation.figure_style import one_plot
from genre_batch.evaluation.page import check_report_libraries, picture, render, report_libraries

HOSTILE = "<script>alert('x')</script>\x00\x1b[31m\u202e\"><img src=x onerror=alert(1)>"

PICTURES = (
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
    samples = (0.0,) * 4

    class score:  # noqa: N801 (stands for an attribute)
        abstained, genre, confidence, segments = False, HOSTILE, 0.5, 1
        top_k = ()


def test_what_a_template_shows_is_escaped() -> None:
    figure, _ = one_plot(1.0, 1.0)
    pictures = dict.fromkeys(PICTURES, picture(figure))
    page = read_page(render("track.html.j2", track=_Track, model_id=HOSTILE, pictures=pictures))
    shown = HOSTILE.replace("\x00", "\\x00").replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert page.title == shown
    assert page.text.count(shown) == 4
    assert len(page.images) == 8


def test_a_genre_in_another_script_is_drawn_without_a_word(recwarn: pytest.WarningsRecorder) -> None:
    figure, axes = one_plot(2.0, 1.0)
    axes.set_title("歌謡曲 кантри \U0001f3b8")
    assert picture(figure).startswith("data:image/png;base64,")
    assert not list(recwarn)


@pytest.mark.parametrize("library", ["jinja2", "matplotlib"])
def test_a_missing_library_is_named_with_the_way_to_get_it(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=library) as told:
        check_report_libraries()
    assert "genre-batch[report]" in told.value.hint


def test_other_missing_modules_are_no_matter_of_the_extra() -> None:
    with pytest.raises(ModuleNotFoundError), report_libraries():
        raise ModuleNotFoundError("no", name="librosa")
