"""How all pictures look: colours that the colour-blind can tell apart, and text that is never taken for formulas."""

from typing import Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genre_batch.catalog.reject import printable

# The palette of Okabe and Ito, "Color Universal Design", 2008.
BLUE: Final = "#0072B2"
VERMILLION: Final = "#D55E00"
GREEN: Final = "#009E73"
PURPLE: Final = "#CC79A7"
GREY: Final = "#8A8F98"
INK: Final = "#1F2430"

WIDTH: Final = 9.6
"""Inches, of pictures as wide as a page."""

_MOST_CHARACTERS = 28

styled = matplotlib.rc_context(
    {
        "axes.edgecolor": GREY,
        "axes.labelcolor": INK,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.constrained_layout.use": True,
        "font.family": "DejaVu Sans",
        "font.size": 9.5,
        "grid.color": "#E3E6EA",
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "text.color": INK,
        "text.parse_math": False,  # a genre may have two dollar signs in its name
        "xtick.color": INK,
        "ytick.color": INK,
    }
)
"""Decorates the functions that draw."""


def one_plot(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of `width` x `height` inches with one plot."""
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots()


def label(text: str) -> str:
    """`text` as it can be drawn: control characters escaped, cut where it is long."""
    return printable(text, _MOST_CHARACTERS)
