"""Self-contained HTML pages: one known script, no external address, and every value is treated as hostile text."""

import base64
import hashlib
import os
import tempfile
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.reject import printable
from genre_batch.errors import UsageError
from genre_batch.reports.figure_style import report_libraries
from genre_batch.storage.uri import is_s3, local_path
from genre_batch.storage.whole_file import OWN_PREFIX
from genre_batch.wording import plural

_MOST_CHARACTERS = 2000


def check_report_libraries() -> None:
    """Raise UsageError, which says how to install them, if libraries of the extra `report` are missing."""
    with report_libraries():
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401


def render_page(template: str, **values: object) -> str:
    """The HTML of `template`, a file of this room, filled with `values`.

    Everything a template shows is escaped; control characters and those that reverse text become escape sequences.
    Raises UsageError if the libraries are missing.
    """
    check_report_libraries()
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("genre_batch", "reports"),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=_percent, figure=_number, plural=plural)
    return environment.get_template(template).render(**values, **_own_code())


def _own_code() -> dict[str, object]:
    """The style and the script of all pages, and the hash by which a page allows this script and no other."""
    from markupsafe import Markup

    style, script = (files("genre_batch.reports").joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return {"css": Markup(style), "script": Markup(script), "script_hash": Markup(f"sha256-{digest}")}


def _shown(value: object) -> object:
    from markupsafe import Markup

    return printable(value, _MOST_CHARACTERS) if isinstance(value, str) and not isinstance(value, Markup) else value


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100.0 * share:.1f} %"


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


class WrittenPage(BaseModel):
    """The file of a page, and its size."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    page: str
    size_bytes: int

    def summary(self) -> str:
        """The report on one line for a terminal."""
        return f"page: {self.page} ({self.size_bytes:,} bytes)"


def check_page(uri: str) -> None:
    """Raise UsageError unless pages can be made, and one can be written to the local file `uri`."""
    check_report_libraries()
    if is_s3(uri):
        raise UsageError(f"a page must be a local file, not {uri}", "copy it there afterwards")
    path = Path(local_path(uri))
    if path.is_dir():
        raise UsageError(f"{path} is a folder, not a file", "add the name of the page, for example report.html")
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no folder {path.parent}", "create the folder first")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise _unwritable(path, error) from error


def write_page(uri: str, page: str) -> WrittenPage:
    """Write `page` to the local file `uri`, replacing what is there. Raises UsageError if that fails."""
    path, data, temporary = Path(local_path(uri)), page.encode(), None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=OWN_PREFIX, suffix=".tmp", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return WrittenPage(page=uri, size_bytes=len(data))


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path} cannot be written: {error.strerror}", "choose another file for the page")
