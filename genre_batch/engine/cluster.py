"""The connection to Ray, and how large the pools may be on the cluster that answers."""

import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache

import psutil
import ray

from genre_batch.actors.extract import ExtractPool
from genre_batch.actors.predict import PredictPool
from genre_batch.config import JobConfig
from genre_batch.engine.authentication import warn_if_open_to_others
from genre_batch.errors import UsageError, UserError

_ANSWERS_WITHIN_S = 10.0
_ASK_BEYOND_ROOM = 4


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the cluster has. `own` says that this process started it, and ends it."""

    cpus: float
    gpus: float
    own: bool

    def has(self) -> str:
        """Its CPUs and GPUs in words."""
        return f"{self.cpus:g} CPUs and {self.gpus:g} GPUs"


@dataclass(frozen=True, slots=True)
class PoolSizes:
    """How many actors of each kind to run now."""

    extract: int
    predict: int


@contextmanager
def connected() -> Iterator[Cluster]:
    """Use the cluster that this process or RAY_ADDRESS knows (`ray job submit` sets it), else start one and end it.

    Raises UserError where the cluster does not answer.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    mine = not ray.is_initialized()
    # Ray prints what its workers and machines die of to stdout, which is for the report alone; some of it on leaving.
    with redirect_stdout(sys.stderr):
        if mine:
            _connect(os.environ.get("RAY_ADDRESS") or "local")
            warn_if_open_to_others()
        try:
            with _terminated_like_interrupted():
                yield current_cluster(own=_runs_below_this_process())
        finally:
            if mine:
                ray.shutdown()


def _connect(address: str) -> None:
    # Without an address Ray would join whatever cluster was last started on this machine; for one that is gone, like
    # for an address where nobody listens, it waits for minutes.
    try:
        host, _, port = address.rpartition(":")
        if port.isdigit() and "/" not in host:
            socket.create_connection((host, int(port)), timeout=_ANSWERS_WITHIN_S).close()
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # of Ray's own, some are bare ones
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"Ray cannot be reached at {address!r}: {first_line}",
            "check RAY_ADDRESS, and RAY_AUTH_TOKEN where the cluster asks for one; unset RAY_ADDRESS to run here",
        ) from error


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does; Ray's own handler dumps a native stack."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def current_cluster(*, own: bool) -> Cluster:
    """What the cluster has at this moment; it may grow and shrink."""
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return Cluster(resources.get("CPU", 0.0), resources.get("GPU", 0.0), own)


def gpus_per_predictor(cluster: Cluster, predict: PredictPool) -> float:
    """What each predict actor asks for, decided once a run; 0 means that it runs on the CPU.

    Raises UsageError where the settings ask for CUDA and give no GPU.
    """
    if predict.device == "cpu":
        return 0.0
    gpus_each = predict.num_gpus if predict.num_gpus is not None else min(1.0, cluster.gpus)
    if predict.device == "cuda" and not gpus_each:
        raise UsageError("predict.device is cuda, but no GPU is given to the actors", "set predict.num_gpus=1")
    return gpus_each


def pool_sizes(
    cluster: Cluster, extract: ExtractPool, predict: PredictPool, *, gpus_each: float, batches: int
) -> PoolSizes:
    """The pools that suit `cluster` for a run of `batches` batches, within the sizes that the settings allow.

    On a cluster of others a few extract actors more than there is room for: an autoscaler starts machines only for
    actors that wait for one.
    """
    room = math.floor(cluster.cpus / extract.num_cpus) + (0 if cluster.own else _ASK_BEYOND_ROOM)
    extractors = _clamp(min(room, batches), extract.min_size, extract.max_size)
    wanted = math.floor(cluster.gpus / gpus_each) if gpus_each else math.ceil(extractors / 4)
    return PoolSizes(extractors, _clamp(min(wanted, batches), predict.min_size, predict.max_size))


@contextmanager
def cluster_when_needed(config: JobConfig) -> Iterator[Callable[[], Cluster]]:
    """`fit_cluster`, entered at once where `asked_first` says so, else with the first call of what is given."""
    with ExitStack() as stack:
        cluster = cache(lambda: stack.enter_context(fit_cluster(config)))
        if asked_first(config):
            cluster()
        yield cluster


def asked_first(config: JobConfig) -> bool:
    """Whether to ask the cluster before the catalog is listed: it runs already, or may lack what the settings ask for.

    Any machine has the one CPU that the defaults ask for; where there turns out to be no work, Ray is not started.
    """
    if ray.is_initialized() or (os.environ.get("RAY_ADDRESS") or "local") != "local":
        return True
    extract, predict = config.extract, config.predict_pool
    return extract.min_size * extract.num_cpus > 1 or bool(predict.num_gpus) or predict.device == "cuda"


@contextmanager
def fit_cluster(config: JobConfig) -> Iterator[Cluster]:
    """`connected`, where the cluster has what the settings ask for at least; one of others is told of, and may grow.

    Raises UserError as `connected` does, UsageError as `check_capacity` and `gpus_per_predictor` do.
    """
    with connected() as cluster:
        gpus_each = gpus_per_predictor(cluster, config.predict_pool)
        least = PoolSizes(config.extract.min_size, config.predict_pool.min_size)
        check_capacity(cluster, least, config.extract, gpus_each)
        if not cluster.own and (lack := _lack(cluster, least, config.extract, gpus_each)):
            sys.stderr.write(f"{lack}; what is missing is waited for\n")
        yield cluster


def check_capacity(cluster: Cluster, sizes: PoolSizes, extract: ExtractPool, gpus_each: float) -> None:
    """Raise UsageError where a cluster of our own, which cannot grow, has not what the settings ask for."""
    if cluster.own and (lack := _lack(cluster, sizes, extract, gpus_each)):
        hint = "lower extract.min_size, extract.num_cpus, predict.min_size or predict.num_gpus, or use a larger cluster"
        raise UsageError(lack, hint)


def _lack(cluster: Cluster, sizes: PoolSizes, extract: ExtractPool, gpus_each: float) -> str:
    """What is asked for and what there is, where that is less; else nothing."""
    asked = Cluster(sizes.extract * extract.num_cpus, sizes.predict * gpus_each, cluster.own)
    if asked.cpus <= cluster.cpus and asked.gpus <= cluster.gpus:
        return ""
    return f"the run asks for {asked.has()}, {'this machine' if cluster.own else 'the cluster'} offers {cluster.has()}"


def _runs_below_this_process() -> bool:
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if child.name() == "raylet":
                return True
    return False


def _clamp(size: int, low: int, high: int | None) -> int:
    return max(low, size if high is None else min(size, high))
