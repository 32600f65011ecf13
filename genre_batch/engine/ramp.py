"""Asks a cluster that can grow for all that a run can use, at once, and gives it back when the run ends.

Actors that wait for room would do so too, but there are only a few of them at a time: 50 machines would start one after
the other.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from ray.autoscaler.sdk import request_resources

from genre_batch.stages.stage import Stage

_MOST_BUNDLES = 2_000


@contextmanager
def grown_for(stages: Sequence[Stage], batches: int, *, own: bool) -> Iterator[None]:
    """Ask the autoscaler for room for the stages of a run of `batches` batches while the block runs.

    There is one such request per cluster: that of another run takes its place, and it lasts until it is taken back. A
    cluster of our own, or one that does not grow, ignores it.
    """
    if own:
        yield
        return
    request_resources(bundles=wanted_bundles(stages, batches))
    try:
        yield
    finally:
        with suppress(Exception):  # the cluster may be gone, and there is nothing to give back then
            request_resources(bundles=[])


def wanted_bundles(stages: Sequence[Stage], batches: int) -> list[dict[str, float]]:
    """What each actor that the run can use reserves, at most 2,000 of them in all.

    Without a `max_size`, a stage on CPUs can use one for each batch. How many GPUs pay depends on those, so the
    settings have to say: as many as `max_size`, or else `min_size`.
    """
    bundles: list[dict[str, float]] = []
    for stage in sorted(stages, key=lambda stage: not stage.num_gpus):
        most = stage.size.max_size or (stage.size.min_size if stage.num_gpus else batches)
        names = (("CPU", stage.num_cpus), ("GPU", stage.num_gpus))
        bundle = {name: amount for name, amount in names if amount}
        room = _MOST_BUNDLES - len(bundles)
        bundles += [bundle] * min(max(stage.size.min_size, min(most, batches)), room) if bundle else []
    return bundles
