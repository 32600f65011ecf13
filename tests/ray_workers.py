"""The worker processes of the Ray cluster that this process started."""

import psutil


def worker(name: str, driver: psutil.Process | None = None) -> psutil.Process:
    """A running worker whose title begins with `name`, such as `ray::ExtractFeatures`.

    Raises LookupError if there is none.
    """
    for process in (driver or psutil.Process()).children(recursive=True):
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.name().startswith(name):
                return process
        except psutil.NoSuchProcess:
            continue
    raise LookupError(name)
