"""The style of all figures: colours that the colour-blind can tell apart, and text that is never read as a formula.

matplotlib is optional and slow to import, so the modules of this room import it only while they draw.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from genre_batch.catalog.reject import printable
from genre_batch.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Arguments = ParamSpec("Arguments")
Drawn = TypeVar("Drawn")

# The palette of Okabe and Ito, "Color Universal Design", 2008.
BLUE: Final = "#0072B2"
VERMILLION: Final = "#D55E00"
GREEN: Final = "#009E73"
PURPLE: Final = "#CC79A7"
GREY: Final = "#8A8F98"
INK: Final = "#1F2430"
GRID: Final = "#E3E6EA"
PAPER: Final = "#FFFFFF"

WIDTH: Final = 4.2
"""Inches, of a figure that fills the screen of a phone, where its text has 10 pixels."""

_MOST_CHARACTERS = 24


@contextmanager
def report_libraries() -> Iterator[None]:
    """Raise UsageError if jinja2 or matplotlib, which the pages need, cannot be imported in the block."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("jinja2", "markupsafe", "matplotlib"):
            raise
        raise UsageError(
            f"pages with figures need {error.name}, which is not installed", "pip install jinja2 matplotlib"
        ) from error


def styled(draw: Callable[Arguments, Drawn]) -> Callable[Arguments, Drawn]:
    """Decorates a function that draws. Calling it raises UsageError if matplotlib is missing."""

    @wraps(draw)
    def in_style(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Drawn:
        with report_libraries():
            import matplotlib
        style = matplotlib.rc_context(
            {
                "axes.edgecolor": GREY,
                "axes.labelcolor": INK,
                "axes.spines.right": False,
                "axes.spines.top": False,
                "figure.constrained_layout.use": True,
                "font.family": "DejaVu Sans",
                "font.size": 8.5,
                "grid.color": GRID,
                "legend.frameon": False,
                "lines.linewidth": 1.3,
                "text.color": INK,
                "text.parse_math": False,  # the name of a genre may contain two dollar signs
                "xtick.color": INK,
                "ytick.color": INK,
            }
        )
        with style:
            return draw(*args, **kwargs)

    return in_style


def one_plot(width: float, height: float) -> "tuple[Figure, Axes]":
    """A figure of `width` x `height` inches with one plot."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    return figure, figure.subplots()


def label(text: str) -> str:
    """`text` for use in a figure: control characters escaped, cut to 24 characters."""
    return printable(text, _MOST_CHARACTERS)
