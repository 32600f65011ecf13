"""Asks a cluster that can grow for all that a run can use, at once, and gives it back when the run ends.

Actors that wait for room would do so too, but there are only a few of them at a time: 50 machines would start one after
the other. A machine takes minutes to start, so that an actor is asked for only if there are minutes of work for it.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from ray.autoscaler.sdk import request_resources

from genre_batch.engine.cluster import most_batches
from genre_batch.stages.stage import Stage

WORTH_S = 300.0
"""CPU seconds of work that one more actor is worth."""

_TRACK_S = 0.1
"""CPU seconds of a track until some are measured: `cheap` takes half of this, the default model a little more."""

_MOST_BUNDLES = 2_000
_MEASURED_TRACKS = 64
_MORE = 1.25


class Growth:
    """What a run of `tracks` tracks asks of an autoscaler: more, once its calls turn out to take longer, never less."""

    def __init__(self, stages: Sequence[Stage], tracks: int, *, asks: bool = True) -> None:
        self._stages, self._tracks, self._asks = stages, tracks, asks
        self._noted = [0] * len(stages)
        self._cpu_s = [0.0] * len(stages)
        self._asked = 0

    def note(self, stage: int, tracks: int, cpu_s: float) -> None:
        """A call of a stage took `cpu_s` CPU seconds for so many tracks."""
        self._noted[stage] += tracks
        self._cpu_s[stage] += cpu_s

    def look(self) -> None:
        """Ask again if the run can use a good deal more; if the cluster does not answer, at the next look."""
        with suppress(Exception):
            self.ask()

    def ask(self) -> None:
        """Ask for what the run can use, if that is a good deal more than was asked for. Raises what Ray raises."""
        if not self._asks:
            return
        costs = zip(self._cpu_s, self._noted, strict=True)
        track_s = [cpu_s / tracks if tracks >= _MEASURED_TRACKS else _TRACK_S for cpu_s, tracks in costs]
        bundles = wanted_bundles(self._stages, self._tracks, track_s)
        if len(bundles) > self._asked * _MORE:
            request_resources(bundles=bundles)
            self._asked = len(bundles)


@contextmanager
def grown_for(stages: Sequence[Stage], tracks: int, *, own: bool) -> Iterator[Growth]:
    """Ask the autoscaler for room for the stages of a run of `tracks` tracks while the block runs.

    There is one such request per cluster: that of another run takes its place, and it lasts until it is taken back. A
    cluster of our own, or one that does not grow, ignores it.
    """
    growth = Growth(stages, tracks, asks=not own)
    growth.ask()
    try:
        yield growth
    finally:
        if not own:
            with suppress(Exception):  # the cluster may be gone, and there is nothing to give back then
                request_resources(bundles=[])


def wanted_bundles(stages: Sequence[Stage], tracks: int, track_s: Sequence[float]) -> list[dict[str, float]]:
    """What each actor that the run can use reserves, at most 2,000 of them in all.

    track_s: CPU seconds that a track takes in each stage. Without a `max_size`, a stage on CPUs can use an actor for
    each batch, and for each five minutes of work. How many GPUs pay depends on those, so the settings have to say: as
    many as `max_size`, or else `min_size`, but no more than actors that feed them.
    """
    bundles: list[dict[str, float]] = []
    batches = most_batches(tracks)
    worth = [min(batches, math.ceil(tracks * cost_s / WORTH_S)) for cost_s in track_s]
    for stage, useful in sorted(zip(stages, worth, strict=True), key=lambda pair: not pair[0].num_gpus):
        most = stage.size.max_size or (stage.size.min_size if stage.num_gpus else batches)
        names = (("CPU", stage.num_cpus), ("GPU", stage.num_gpus))
        bundle = {name: amount for name, amount in names if amount}
        room = _MOST_BUNDLES - len(bundles)
        count = max(stage.size.min_size, min(most, worth[0] if stage.num_gpus else useful))
        bundles += [bundle] * min(count, room) if bundle else []
    return bundles
