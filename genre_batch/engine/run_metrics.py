"""The metrics of a run: each is declared here, once, and goes from here to Ray.

Ray serves them for Prometheus on every node, with the prefix `ray_`; docs/monitoring.md explains them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from ray.util import metrics as ray_metrics

_CALL_SECONDS = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]

Key = tuple[str, tuple[str, ...]]
"""The name of a metric and the values of its tags."""


@dataclass(frozen=True, slots=True)
class RunMetric:
    """A metric, with the names of its tags; every metric also has the tag `run`."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    what: str
    tags: tuple[str, ...] = ()


METRICS = (
    RunMetric("genre_batch_tracks", "counter", "Tracks with an outcome", ("outcome", "reason")),
    RunMetric("genre_batch_stage_cpu_seconds", "counter", "CPU seconds of the actors", ("stage",)),
    RunMetric("genre_batch_call_seconds", "histogram", "Seconds from sending a batch to its answer", ("stage",)),
    RunMetric("genre_batch_read_bytes", "counter", "Bytes of tracks read"),
    RunMetric("genre_batch_requests", "counter", "S3 requests, retries included", ("operation", "status")),
    RunMetric("genre_batch_actor_restarts", "counter", "Actors that died or were stopped at a deadline", ("stage",)),
    RunMetric("genre_batch_commits", "counter", "Parts committed"),
    RunMetric("genre_batch_actors", "gauge", "Actors: wanted, started, ready", ("stage", "state")),
    RunMetric("genre_batch_queue", "gauge", "What is under way: calls, waiting batches, blocks, parts", ("queue",)),
    RunMetric("genre_batch_tracks_left", "gauge", "Tracks without an outcome"),
    RunMetric("genre_batch_eta_seconds", "gauge", "Seconds until the end at the average rate so far"),
    RunMetric("genre_batch_last_outcome_time_seconds", "gauge", "When a batch last finished, as Unix time"),
    RunMetric("genre_batch_last_commit_time_seconds", "gauge", "When a part was last committed, as Unix time"),
    RunMetric("genre_batch_finish_by_time_seconds", "gauge", "When the run has to be finished, as Unix time; 0: never"),
    RunMetric("genre_batch_cost", "gauge", "Cost so far by the price list; 0 without one"),
)


_TAGS = {metric.name: metric.tags for metric in METRICS}


class Recorder(Protocol):
    """Where values go."""

    def record(self, key: Key, value: float) -> None:
        """Add to a counter, set a gauge, or note one value of a histogram."""


class RayRecorder:
    """Ray's metrics of one run. Ray must be connected."""

    def __init__(self, run_id: str) -> None:
        self._run = {"run": run_id}
        self._record: dict[str, Callable[..., None]] = {}
        for metric in METRICS:
            tags = ("run", *metric.tags)
            if metric.kind == "counter":
                self._record[metric.name] = ray_metrics.Counter(metric.name, metric.what, tags).inc
            elif metric.kind == "gauge":
                self._record[metric.name] = ray_metrics.Gauge(metric.name, metric.what, tags).set
            else:
                histogram = ray_metrics.Histogram(metric.name, metric.what, _CALL_SECONDS, tags)
                self._record[metric.name] = histogram.observe

    def record(self, key: Key, value: float) -> None:
        """Give one value to Ray."""
        name, tags = key
        self._record[name](value, dict(zip(_TAGS[name], tags, strict=True)) | self._run)


class NoRecorder:
    """For a Ray that serves no metrics."""

    def record(self, key: Key, value: float) -> None:
        """Drop the value."""
