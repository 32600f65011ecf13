"""The first actors of a run, started before it is planned: whether they can start decides whether it is planned.

An actor checks its bundle when it starts, with the device, precision and libraries of its machine. A bundle that fails
there must not leave a plan behind: an unfinished run blocks every other bundle over its source. If the time of the run
is up before they have started, it is planned all the same, and all its tracks are left to the next run.
"""

import time
from collections.abc import Callable, Sequence

from genre_batch.engine.cluster import Cluster, current_cluster, most_batches, pool_sizes
from genre_batch.engine.ray_actors import RayActors
from genre_batch.engine.waiting import Waiting, starting
from genre_batch.notices import say, waiting_for
from genre_batch.stages.stage import Stage


class FirstActors:
    """The first actors of each stage, once one of each is started, until the run takes them over."""

    def __init__(self) -> None:
        self._actors: RayActors | None = None

    def start(
        self, cluster: Cluster, stages: Sequence[Stage], tracks: int, is_late: Callable[[], bool] = lambda: False
    ) -> None:
        """Start the actors that a run of `tracks` tracks needs, and return when one of each stage can work.

        On a shared cluster, these are one of each stage. Says on stderr what it waits for if the cluster has no room
        yet. is_late: asked while it waits; once it returns true, it waits no longer. Raises UserError if actors do not
        start.
        """
        self._actors = actors = RayActors(stages)
        sizes = pool_sizes(cluster, stages, batches=most_batches(tracks)) if cluster.own else [1] * len(stages)
        with waiting_for(starting(stages, sizes)):
            self._wait(actors, cluster, stages, sizes, is_late)

    def _wait(
        self,
        actors: RayActors,
        cluster: Cluster,
        stages: Sequence[Stage],
        sizes: Sequence[int],
        is_late: Callable[[], bool],
    ) -> None:
        waiting, numbers = Waiting(stages, time.monotonic()), range(len(stages))
        while not is_late() and not all(actors.ready(stage) for stage in numbers):
            for stage in numbers:
                for _ in range(sizes[stage] - actors.count(stage)):
                    actors.start(stage)
            for _ in actors.wait(timeout_s=0.5):
                pass
            now = current_cluster(own=cluster.own)
            if line := waiting.note(time.monotonic(), now, [actors.ready(stage) for stage in numbers]):
                say(line)

    def take(self) -> RayActors | None:
        """The actors, which now belong to the caller; None if they were not started."""
        actors, self._actors = self._actors, None
        return actors

    def close(self) -> None:
        """Stop the actors that nobody has taken."""
        if actors := self.take():
            actors.stop_all()
