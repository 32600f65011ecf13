"""A figure as SVG inside a page: text stays text, and colours follow the page, so that it suits a dark screen too."""

import hashlib
import io
import re
import warnings
from typing import TYPE_CHECKING

from genre_batch.catalog.reject import printable
from genre_batch.reports.figure_style import BLUE, GREEN, GREY, GRID, INK, PAPER, PURPLE, VERMILLION

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

_VARIABLES = {
    BLUE: "blue",
    VERMILLION: "warm",
    GREEN: "green",
    PURPLE: "purple",
    GREY: "grey",
    INK: "ink",
    GRID: "line",
    PAPER: "paper",
}
"""The CSS variable of the page that stands for each colour of the figures."""

_IMAGE_DPI = 110
"""Of the spectrograms, which are images within a drawing."""

_COLOUR = re.compile("|".join(_VARIABLES), re.IGNORECASE)
_NAMED = re.compile(r'(\bid="|url\(#|xlink:href="#)([^")]+)')
_FONT = re.compile(r"font: ([0-9.]+)px [^;\"]*")
_NOT_HTML = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_DATA = re.compile(r'"data:image/png;base64,[^"]*"')
_SIZE = re.compile(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>')


def drawing(figure: "Figure", text: str) -> "Markup":
    """The figure as an `<svg>` element that is as wide as what is around it. text: what it shows, for those who cannot.

    The names in it are unique to the figure, since all drawings of a page share one space of names.
    """
    import matplotlib
    from markupsafe import Markup, escape

    image = io.StringIO()
    with warnings.catch_warnings(), matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "genre-batch"}):
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the browser has the fonts for it
        figure.savefig(image, format="svg", dpi=_IMAGE_DPI, transparent=True, metadata={"Date": None})
    found = _NOT_HTML.sub("", image.getvalue()).strip()
    prefix = f"f{hashlib.sha256((text + found).encode()).hexdigest()[:8]}-"
    pictures = _DATA.findall(found)
    found = _COLOUR.sub(lambda match: f"var(--{_variable(match[0])})", _DATA.sub('"data:"', found))
    found = _FONT.sub(r"font-size: \1px", _NAMED.sub(rf"\g<1>{prefix}\g<2>", found))
    for picture in pictures:
        found = found.replace('"data:"', picture, 1)
    opening = rf'<svg viewBox="\1" role="img" aria-label="{_escaped(str(escape(printable(text, 500))))}">'
    return Markup(_SIZE.sub(opening, found, count=1))


def _variable(colour: str) -> str:
    return next(name for known, name in _VARIABLES.items() if known.lower() == colour.lower())


def _escaped(text: str) -> str:
    """`text` as part of a replacement of `re.sub`, in which a backslash has a meaning."""
    return text.replace("\\", r"\\")
