"""What a run reports while it works, as metrics and in the log.

The driver alone measures: it counts in plain numbers, and sends them to Ray every 5 s and to the log every minute.
"""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from genre_batch.catalog.reject import NOT_TRIED, Reject
from genre_batch.engine.run_metrics import Key, Recorder
from genre_batch.stages.stage import Stage, StageReport
from genre_batch.storage.request_counts import requests_so_far

_LOG = logging.getLogger(__name__)
_PUBLISH_EVERY_S = 5.0
_LOG_EVERY_S = 60.0
_READS = frozenset({"GetObject", "HeadObject"})


@dataclass(frozen=True, slots=True)
class Held:
    """What a run has used so far that costs money: reserved cores and GPUs, requests and bytes."""

    core_hours: float
    gpu_hours: float
    reads: int
    writes: int
    bytes_read: int

    def plus(self, other: "Held") -> "Held":
        """What both have used together."""
        return Held(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


NOTHING_HELD = Held(0.0, 0.0, 0, 0, 0)


def costs_nothing(held: Held) -> float:  # noqa: ARG001
    """The cost without a price list."""
    return 0.0


@dataclass(frozen=True, slots=True)
class RunLabels:
    """What the engine does not know about a run. cost: what it has cost. finish_by_s: as Unix time; 0: no limit."""

    run_id: str = ""
    cost: Callable[[Held], float] = costs_nothing
    finish_by_s: float = 0.0


NO_LABELS = RunLabels()


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a run at one moment. wanted, started, ready: actors by stage. stopped: those that are
    gone. queues: what is under way.
    """

    wanted: Sequence[int]
    started: Sequence[int]
    ready: Sequence[int]
    stopped: Mapping[int, int]
    queues: Mapping[str, int]


class Telemetry:
    """The counts of one run, and when they are sent. tracks: how many there are to do."""

    def __init__(self, stages: Sequence[Stage], labels: RunLabels, tracks: int, recorder: Recorder) -> None:
        self._stages, self._labels, self._recorder = stages, labels, recorder
        self._left = self._tracks = tracks
        self._first_sent_s: float | None = None
        self._seen_s = self._logged_s = self._held_until_s = time.monotonic()
        self._outcome_s = self._commit_s = time.time()
        self._sent_s: dict[int, float] = {}
        self._counts = defaultdict[Key, float](float)
        self._total = defaultdict[Key, float](float)
        self._own_requests = requests_so_far()
        self._core_s = self._gpu_s = 0.0
        self._stopped = [0 for _ in stages]

    def sent(self, call: int) -> None:
        """A batch is sent."""
        now_s = self._sent_s[call] = time.monotonic()
        if self._first_sent_s is None:
            self._first_sent_s = now_s

    def returned(self, call: int, stage: int, report: StageReport) -> None:
        """A call has its answer."""
        name = self._stages[stage].name
        took_s = time.monotonic() - self._sent_s.pop(call)
        self._recorder.record(("genre_batch_call_seconds", (name,)), took_s)
        self._counts["genre_batch_stage_cpu_seconds", (name,)] += report.cpu_s
        self._counts["genre_batch_read_bytes", ()] += report.bytes_read
        for operation, status, requests in report.requests:
            self._counts["genre_batch_requests", (operation, status)] += requests

    def done(self, rejects: Sequence[Reject | None]) -> None:
        """The tracks of a batch have their outcomes; None means an answer."""
        self._left -= len(rejects)
        self._outcome_s = time.time()
        if not any(rejects):
            self._counts["genre_batch_tracks", ("answered", "")] += len(rejects)
            return
        for reject in rejects:
            key = ("answered", "") if reject is None else (_outcome(reject), reject.reason.value)
            self._counts["genre_batch_tracks", key] += 1

    def committed(self) -> None:
        """A part is committed."""
        self._commit_s = time.time()
        self._counts["genre_batch_commits", ()] += 1

    def look(self, standing: Callable[[], Standing], calls: Mapping[int, object], *, last: bool = False) -> None:
        """Send what has changed if it is time to, or if this is the `last` look. calls: those under way."""
        now_s = time.monotonic()
        if not last and now_s - self._seen_s < _PUBLISH_EVERY_S:
            return
        state, self._seen_s = standing(), now_s
        self._hold(state, now_s)
        # failed calls, and those of lost actors, never return
        self._sent_s = {call: since_s for call, since_s in self._sent_s.items() if call in calls}
        for place, stage in enumerate(self._stages):
            stopped = state.stopped.get(place, 0)
            self._counts["genre_batch_actor_restarts", (stage.name,)] += stopped - self._stopped[place]
            self._stopped[place] = stopped
        self._send_counts()
        gauges = self._gauges(state, now_s)
        for key, value in gauges.items():
            self._recorder.record(key, value)
        if last or now_s - self._logged_s >= _LOG_EVERY_S:
            self._logged_s = now_s
            _LOG.info("%s", " ".join(_words(self._total | gauges)))

    def held(self, state: Standing) -> Held:
        """What the run has used up to now; requests and bytes up to the last look."""
        self._hold(state, time.monotonic())
        return self._held()

    def _hold(self, state: Standing, now_s: float) -> None:
        passed_s, self._held_until_s = now_s - self._held_until_s, now_s
        for place, stage in enumerate(self._stages):
            self._core_s += passed_s * stage.num_cpus * state.ready[place]
            self._gpu_s += passed_s * stage.num_gpus * state.ready[place]

    def _send_counts(self) -> None:
        own = requests_so_far()
        for tags, requests in (own - self._own_requests).items():
            self._counts["genre_batch_requests", tags] += requests
        self._own_requests = own
        for key, value in self._counts.items():
            # Ray refuses to add nothing
            if value > 0:
                self._recorder.record(key, value)
            self._total[key] += value
        self._counts.clear()

    def _gauges(self, state: Standing, now_s: float) -> dict[Key, float]:
        gauges: dict[Key, float] = {}
        done = self._tracks - self._left
        values: dict[str, float] = {
            "tracks_left": self._left,
            "last_outcome_time_seconds": self._outcome_s,
            "last_commit_time_seconds": self._commit_s,
            "finish_by_time_seconds": self._labels.finish_by_s,
            "cost": self._labels.cost(self._held()),
        }
        if done and self._first_sent_s is not None:
            values["eta_seconds"] = (now_s - self._first_sent_s) * self._left / done
        for name, value in values.items():
            gauges[f"genre_batch_{name}", ()] = value
        for place, stage in enumerate(self._stages):
            for kind, counts in (("wanted", state.wanted), ("started", state.started), ("ready", state.ready)):
                gauges["genre_batch_actors", (stage.name, kind)] = counts[place]
        for queue, count in state.queues.items():
            gauges["genre_batch_queue", (queue,)] = count
        return gauges

    def _held(self) -> Held:
        requests = Counter[bool]()
        for (name, tags), count in self._total.items():
            if name == "genre_batch_requests":
                requests[tags[0] in _READS] += round(count)
        bytes_read = self._total["genre_batch_read_bytes", ()]
        return Held(self._core_s / 3600, self._gpu_s / 3600, requests[True], requests[False], round(bytes_read))


def _outcome(reject: Reject) -> str:
    return "not_tried" if reject.reason in NOT_TRIED else "rejected"


def _words(values: Mapping[Key, float]) -> list[str]:
    """Each value as `name=value` or `name.tag=value`, without the prefix that all names share."""
    return [
        f"{'.'.join([name.removeprefix('genre_batch_'), *filter(None, tags)])}={value:.10g}"
        for (name, tags), value in values.items()
    ]
