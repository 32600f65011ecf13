"""Drawings keep their text, follow the colours of the page, and share no names."""

import re

import pytest

from genre_batch.reports.figure_style import BLUE, INK, one_plot, styled
from genre_batch.reports.vector import drawing


@styled
def titled(title: str, text: str) -> str:
    figure, axes = one_plot(2.0, 1.0)
    axes.plot([0, 1], [0, 1], color=BLUE)
    axes.set_title(title)
    return str(drawing(figure, text))


def test_text_stays_text_and_colours_are_those_of_the_page() -> None:
    svg = titled("R&B", "a line")
    assert "R&amp;B" in svg
    assert "var(--blue)" in svg
    assert "var(--ink)" in svg
    assert BLUE.lower() not in svg.lower()
    assert INK.lower() not in svg.lower()
    assert not re.search(r"<svg[^>]*\b(width|height)=", svg)


def test_two_drawings_have_no_id_in_common() -> None:
    first, second = (set(re.findall(r'\bid="([^"]+)"', titled("title", text))) for text in ("first", "second"))
    assert first
    assert second
    assert not first & second


def test_every_reference_is_to_a_name_of_the_drawing() -> None:
    svg = titled("title", "text")
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', svg)) <= set(re.findall(r'\bid="([^"]+)"', svg))


@pytest.mark.parametrize("text", ['"><script>', "a\\1b", "<b>&"])
def test_what_it_shows_is_escaped(text: str) -> None:
    svg = titled("title", text)
    assert "<script>" not in svg
    assert svg.startswith("<svg viewBox=")


def test_a_title_in_another_script_is_drawn_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    assert "歌謡曲 кантри \U0001f3b8" in titled("歌謡曲 кантри \U0001f3b8", "text")
    assert not list(recwarn)
