"""Looks up the objects of a large catalog file on the cluster, before there is anything else to do there."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from math import floor
from typing import Any

import ray
from ray.exceptions import RayError

from genre_batch.catalog.catalog_file import CatalogRow, HeadResult, look_up
from genre_batch.engine.cluster import Cluster
from genre_batch.engine.ray_errors import cause
from genre_batch.errors import UserError
from genre_batch.notices import say, waiting_for
from genre_batch.stages.stage import ExtractPool
from genre_batch.storage.open_store import RequestPayer
from genre_batch.wording import plural

_ROWS_A_CALL = 500
_CALLS_EACH = 2
_THREADS = 32
_LOOK_EVERY_S = 1.0


class LookUpObjects:
    """What an actor does: the same as the driver does with its own threads for a small catalog file."""

    def __init__(self, request_payer: RequestPayer | None) -> None:
        self._look_up = partial(look_up, request_payer=request_payer)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="head")

    def run(self, rows: list[CatalogRow]) -> list[HeadResult]:
        """The objects of the rows, in the same order."""
        return list(self._pool.map(self._look_up, rows))


def look_up_on_actors(
    cluster: Callable[[], Cluster],
    pool: ExtractPool,
    request_payer: RequestPayer | None,
    rows: Iterator[CatalogRow],
    rows_a_call: int = _ROWS_A_CALL,
    is_late: Callable[[], bool] = lambda: False,
) -> Iterator[HeadResult]:
    """See `LookUp`: as many actors as `pool` allows and the cluster has room for, each with 32 threads.

    An actor that dies is replaced, and does its calls again. Where there is no room, only the first one is waited for,
    until `is_late` returns true. Raises UserError then, or if the actors fail.
    """
    room = floor(cluster().cpus / pool.num_cpus)
    size = max(pool.min_size, min(room, pool.max_size or room))
    say(f"looking up the objects of a large catalog file with up to {plural(size, 'actor')}")
    workers = _Workers(size, pool.num_cpus, request_payer, is_late)
    pending: deque[ray.ObjectRef[list[HeadResult]]] = deque()
    try:
        while chunk := list(islice(rows, rows_a_call)):
            pending.append(workers.send(chunk))
            if len(pending) >= _CALLS_EACH * workers.ready:
                yield from ray.get(pending.popleft())
        while pending:
            yield from ray.get(pending.popleft())
    except RayError as error:
        raise UserError(
            f"the objects of the catalog file cannot be looked up on the cluster: {cause(error)}",
            "see Ray's worker logs for more, then start again",
        ) from error
    finally:
        workers.stop()


class _Workers:
    """The actors; those that have started take turns."""

    def __init__(
        self, size: int, num_cpus: float, request_payer: RequestPayer | None, is_late: Callable[[], bool]
    ) -> None:
        # a look-up changes nothing, so that it may be done again
        options = {"num_cpus": num_cpus, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": "SPREAD"}
        make: Any = ray.remote(LookUpObjects).options(**options)
        self._all = [make.remote(request_payer) for _ in range(size)]
        self._starting = {actor.run.remote([]): actor for actor in self._all}
        self._started: deque[Any] = deque()
        self._is_late = is_late

    @property
    def ready(self) -> int:
        """How many have started."""
        return len(self._started)

    def send(self, rows: list[CatalogRow]) -> "ray.ObjectRef[list[HeadResult]]":
        """Let the next actor in turn look up these rows; wait for the first one to start."""
        if self._starting:
            with waiting_for("starting the actors that look up objects"):
                self._note_started()
        self._started.rotate(-1)
        reference: ray.ObjectRef[list[HeadResult]] = self._started[0].run.remote(rows)
        return reference

    def _note_started(self) -> None:
        while True:
            known, _ = ray.wait([*self._starting], timeout=0 if self._started else _LOOK_EVERY_S)
            self._started.extendleft(self._starting.pop(ref) for ref in known)
            if self._started:
                return
            if self._is_late():
                raise UserError(
                    "finish_by came before the cluster had room for an actor that looks up objects: nothing is planned",
                    "let the other jobs on the cluster leave room, for example with a lower extract.max_size",
                )

    def stop(self) -> None:
        """End all actors."""
        for actor in self._all:
            ray.kill(actor)
