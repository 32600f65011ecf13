"""Text in pictures is drawn as it is, whatever it holds."""

import io

import pytest

from genre_batch.reports.figure_style import label, one_plot, styled


@styled
def titled(text: str) -> bytes:
    figure, axes = one_plot(2.0, 1.0)
    axes.set_title(text)
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return image.getvalue()


@pytest.mark.parametrize("text", ["$\\frac{", "$$", "R&B <b>", "a\\b"])
def test_it_is_never_taken_for_a_formula(text: str) -> None:
    assert titled(label(text)).startswith(b"\x89PNG")


def test_control_characters_and_long_names() -> None:
    assert label("a\x00\u202eb") == "a\\x00\\u202eb"
    assert len(label("jazz" * 100)) < 40
