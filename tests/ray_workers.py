"""The worker processes of the Ray cluster that this process started, and a job that leaves no room for them."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from ray.util import placement_group, remove_placement_group


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


@contextmanager
def full_cluster() -> Iterator[None]:
    """Another job holds all CPUs, as a backfill does on a cluster that does not grow."""
    held = placement_group([{"CPU": 2.0}])
    assert held.wait(60)
    try:
        yield
    finally:
        remove_placement_group(held)
