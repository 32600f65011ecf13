"""The files of the sample catalog, rendered on several cores."""

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from threadpoolctl import threadpool_limits

from genre_batch.demo.catalog import SampleTrack, render

MAX_PROCESSES = 8


def rendered(tracks: Sequence[SampleTrack]) -> Iterator[tuple[SampleTrack, bytes]]:
    """Each track with its file's bytes, in the order given."""
    processes = min(MAX_PROCESSES, os.cpu_count() or 1)
    # Spawned, not forked: the process that asks may have threads. One thread each, or numpy's get in each other's way.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), threadpool_limits, (1,)) as pool:
        yield from zip(tracks, pool.map(render, tracks), strict=True)
