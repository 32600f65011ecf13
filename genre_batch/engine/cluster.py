"""The connection to Ray, and how large the pools may be on the cluster that answers."""

import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from functools import cache

import psutil
import ray

from genre_batch.engine.authentication import warn_if_open_to_others
from genre_batch.engine.own_ray import own_ray
from genre_batch.errors import UsageError, UserError
from genre_batch.interrupts import is_supervised
from genre_batch.notices import say, waiting_for
from genre_batch.schedule.batch_size import FEWEST_TRACKS
from genre_batch.stages.stage import Stage

_ANSWERS_WITHIN_S = 10.0
_ASK_BEYOND_ROOM = 4


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the cluster has. own: this process started it, and ends it. metrics: it serves metrics.

    memory_bytes: for actors, on all machines; infinite if it is not known.
    """

    cpus: float
    gpus: float
    own: bool
    metrics: bool = True
    memory_bytes: float = math.inf

    def resources(self) -> str:
        """Its CPUs and GPUs in words."""
        return f"{self.cpus:g} CPUs and {self.gpus:g} GPUs"


@contextmanager
def connected(metrics_port: int | None = None) -> Iterator[Cluster]:
    """Use the cluster that this process or RAY_ADDRESS knows (`ray job submit` sets it), else start one and end it.

    metrics_port: where one that is started here serves metrics; None: it serves none.
    Raises UserError if the cluster does not answer.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    mine, metrics = not ray.is_initialized(), True
    # Ray prints why workers and machines died to stdout, some of it at shutdown; stdout is for the report alone.
    with redirect_stdout(sys.stderr), ExitStack() as own:
        if mine:
            address = os.environ.get("RAY_ADDRESS") or "local"
            if address == "local":
                own.enter_context(own_ray(metrics_port))
                metrics = metrics_port is not None
            else:
                _connect(address)
            warn_if_open_to_others()
        try:
            with _sigterm_as_sigint():
                yield replace(current_cluster(own=_runs_below_this_process()), metrics=metrics)
        finally:
            if mine:
                with waiting_for("stopping Ray"):
                    ray.shutdown()


def _connect(address: str) -> None:
    # Without an address Ray joins the cluster that was last started on this machine. It waits for minutes if that
    # cluster is gone, or if nothing listens at the address.
    try:
        host, _, port = address.rpartition(":")
        if port.isdigit() and "/" not in host:
            socket.create_connection((host, int(port)), timeout=_ANSWERS_WITHIN_S).close()
        # within the block, so that no thread of ours is open to the signal
        with _sigterm_held_back(), waiting_for(f"connecting to Ray at {address}"):
            ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises bare exceptions, too
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"Ray cannot be reached at {address!r}: {first_line}",
            "check RAY_ADDRESS, and RAY_AUTH_TOKEN if the cluster requires one; unset RAY_ADDRESS to run here",
        ) from error


@contextmanager
def _sigterm_held_back() -> Iterator[None]:
    """Deliver SIGTERM only afterwards: `ray job stop` sends it to this process too, and Ray dumps a native stack.

    Not for a cluster of our own: the processes that Ray starts would inherit it, and could no longer be ended.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _sigterm_as_sigint() -> Iterator[None]:
    """End the run on SIGTERM as on Ctrl-C, if nobody else does; Ray's own handler dumps a native stack."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ignore = is_supervised()
    before = signal.signal(signal.SIGTERM, (lambda *_: None) if ignore else signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def current_cluster(*, own: bool) -> Cluster:
    """What the cluster has at this moment; it may grow and shrink."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    memory_bytes = resources.get("memory", math.inf)
    return Cluster(resources.get("CPU", 0.0), resources.get("GPU", 0.0), own, memory_bytes=memory_bytes)


def pool_sizes(cluster: Cluster, stages: Sequence[Stage], *, batches: int) -> list[int]:
    """How many actors of each stage suit `cluster` for a run of `batches` batches, within the limits of the settings.

    On a shared cluster these are a few more CPU actors than there is room for: an autoscaler starts machines only for
    actors that wait for one.
    """
    sizes: list[int] = []
    for stage in stages:
        if stage.num_gpus:
            room = math.floor(cluster.gpus / stage.num_gpus)
        elif stage.num_cpus:
            room = math.floor(cluster.cpus / stage.num_cpus) + (0 if cluster.own else _ASK_BEYOND_ROOM)
        else:
            room = math.ceil(sizes[-1] / stage.follows)
        size = min(room, batches, stage.size.max_size or room)
        sizes.append(max(stage.size.min_size, size))
    return sizes


def most_batches(tracks: int) -> int:
    """How many batches a run of `tracks` tracks has at most."""
    return -(-tracks // FEWEST_TRACKS)


@contextmanager
def cluster_when_needed(
    stages: Callable[[Cluster], Sequence[Stage]], *, ask_first: bool, metrics_port: int | None = None
) -> Iterator[Callable[[], Cluster]]:
    """A function that enters `fit_cluster` when it is first called, so that a run without work does not start Ray.

    It is entered immediately if `ask_first`, or if a cluster is already running. metrics_port: see `connected`.
    """
    with ExitStack() as stack:
        cluster = cache(lambda: stack.enter_context(fit_cluster(stages, metrics_port)))
        if ask_first or runs_already():
            cluster()
        yield cluster


def runs_already() -> bool:
    """Whether this process or RAY_ADDRESS knows a cluster."""
    return bool(ray.is_initialized()) or (os.environ.get("RAY_ADDRESS") or "local") != "local"


@contextmanager
def fit_cluster(stages: Callable[[Cluster], Sequence[Stage]], metrics_port: int | None = None) -> Iterator[Cluster]:
    """`connected`, with at least what the stages ask for; a shared cluster that has less is reported, and may grow.

    Raises UserError as `connected` does, UsageError as `check_capacity` and `stages` do.
    """
    with connected(metrics_port) as cluster:
        wanted = stages(cluster)
        least = [stage.size.min_size for stage in wanted]
        check_capacity(cluster, wanted, least)
        if not cluster.own and (shortage := _shortage(cluster, wanted, least)):
            say(f"{shortage}; waiting for the rest")
        yield cluster


def check_capacity(cluster: Cluster, stages: Sequence[Stage], sizes: Sequence[int]) -> None:
    """Raise UsageError if a cluster of our own, which cannot grow, has less than the settings ask for."""
    if cluster.own and (shortage := _shortage(cluster, stages, sizes)):
        settings = [f"{stage.name}.{setting}" for stage in stages for setting in _reserving(stage)]
        raise UsageError(shortage, f"lower {', '.join(settings[:-1])} or {settings[-1]}, or use a larger cluster")


def _reserving(stage: Stage) -> list[str]:
    """The settings of a stage that decide how much it reserves."""
    if stage.num_gpus:
        return ["min_size", "num_gpus"]
    return ["min_size", "num_cpus"] if stage.num_cpus else []


def _shortage(cluster: Cluster, stages: Sequence[Stage], sizes: Sequence[int]) -> str:
    """What is requested and what is available, if that is less; else an empty string."""
    asked = Cluster(
        sum(stage.num_cpus * size for stage, size in zip(stages, sizes, strict=True)),
        sum(stage.num_gpus * size for stage, size in zip(stages, sizes, strict=True)),
        cluster.own,
    )
    if asked.cpus <= cluster.cpus and asked.gpus <= cluster.gpus:
        return ""
    where = "this machine" if cluster.own else "the cluster"
    return f"the run asks for {asked.resources()}, {where} offers {cluster.resources()}"


def _runs_below_this_process() -> bool:
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if child.name() == "raylet":
                return True
    return False
