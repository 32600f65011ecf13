"""One self-contained HTML page: no script, no address outside it, and every value in it is taken for hostile text."""

import base64
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from genre_batch.catalog.reject import printable
from genre_batch.errors import UsageError

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

DPI = 130

_MOST_CHARACTERS = 2000


@contextmanager
def report_libraries() -> Iterator[None]:
    """Raise UsageError where jinja2 or matplotlib, which the pages are made with, cannot be imported within."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("jinja2", "markupsafe", "matplotlib"):
            raise
        raise UsageError(
            f"pages with pictures need {error.name}, which is not installed", "pip install 'genre-batch[report]'"
        ) from error


def check_report_libraries() -> None:
    """Raise UsageError, which says how to install them, where the libraries of the extra `report` are missing."""
    with report_libraries():
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401


def render(template: str, **values: object) -> str:
    """The page that the `template` of this room becomes with `values`.

    Whatever a template shows is escaped; control characters, and those that turn the direction of text, come out as
    escape sequences. Raises UsageError where the libraries are missing.
    """
    check_report_libraries()
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("genre_batch", "evaluation"),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=_percent, figure=_number)
    return environment.get_template(template).render(**values)


def picture(figure: "Figure") -> "Markup":
    """The figure as a `data:` address of a PNG image."""
    from markupsafe import Markup

    image = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a genre in a script that the font lacks shows as boxes
        figure.savefig(image, format="png", dpi=DPI)
    return Markup("data:image/png;base64,") + base64.b64encode(image.getvalue()).decode()


def _shown(value: object) -> object:
    from markupsafe import Markup

    return printable(value, _MOST_CHARACTERS) if isinstance(value, str) and not isinstance(value, Markup) else value


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100.0 * share:.1f} %"


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
