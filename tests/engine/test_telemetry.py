"""The counts of a run and when they are sent."""

import logging
from collections import Counter

import pytest

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.engine import telemetry
from genre_batch.engine.run_metrics import METRICS, Key
from genre_batch.engine.telemetry import Held, RunLabels, Standing, Telemetry
from genre_batch.stages.stage import PoolSize, Stage, StageReport

STAGES = [
    Stage("extract", object, (), PoolSize(), RejectStage.DECODE, num_cpus=1.0),
    Stage("predict", object, (), PoolSize(), RejectStage.MODEL, num_gpus=0.5),
]
GAUGES = {metric.name for metric in METRICS if metric.kind == "gauge"}
GONE = Reject(RejectReason.GONE, RejectStage.READ, "")
DEFERRED = Reject(RejectReason.DEFERRED, RejectStage.READ, "")


class Values:
    """Sums of counters and histograms, last values of gauges."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[tuple[str, ...], float]] = {}

    def record(self, key: Key, value: float) -> None:
        name, tags = key
        values = self.seen.setdefault(name.removeprefix("genre_batch_"), {})
        values[tags] = value if name in GAUGES else values.get(tags, 0.0) + value


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    def time(self) -> float:
        return self.now_s + 1e9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(telemetry, "time", clock)
    monkeypatch.setattr(telemetry, "requests_so_far", Counter)
    return clock


def standing() -> Standing:
    return Standing([2, 1], [2, 1], [2, 1], {0: 1}, {"calls": 3, "blocks": 0})


def test_counts_are_sent_once_and_gauges_as_they_are(clock: Clock) -> None:
    values = Values()
    run = Telemetry(STAGES, RunLabels("r", lambda held: held.core_hours, finish_by_s=5.0), 40, values)
    run.sent(1)
    clock.now_s += 3600
    requests = (("GetObject", "206", 7), ("GetObject", "503", 1))
    run.returned(1, 0, StageReport((), cpu_s=2.5, bytes_read=100, requests=requests))
    run.done([None, None, GONE, DEFERRED])
    run.committed()
    for _ in range(2):
        run.look(standing, {}, last=True)
    seen = values.seen
    assert seen["tracks"] == {("answered", ""): 2, ("rejected", "gone"): 1, ("not_tried", "deferred"): 1}
    assert seen["call_seconds"] == {("extract",): 3600}
    assert seen["stage_cpu_seconds"] == {("extract",): 2.5}
    assert seen["read_bytes"] == {(): 100}
    assert seen["requests"] == {("GetObject", "206"): 7, ("GetObject", "503"): 1}
    assert seen["actor_restarts"] == {("extract",): 1}
    assert seen["commits"] == {(): 1}
    assert seen["tracks_left"] == {(): 36}
    assert seen["eta_seconds"] == {(): pytest.approx(3600 * 36 / 4)}
    assert seen["last_outcome_time_seconds"] == seen["last_commit_time_seconds"] == {(): 1e9 + 4600}
    assert seen["finish_by_time_seconds"] == {(): 5.0}
    assert seen["cost"] == {(): 2.0}
    assert seen["queue"] == {("calls",): 3, ("blocks",): 0}
    assert seen["actors"]["extract", "ready"] == 2


def test_what_a_run_holds_is_what_its_ready_actors_reserve(clock: Clock) -> None:
    held: list[Held] = []
    run = Telemetry(STAGES, RunLabels(cost=lambda now: held.append(now) or 0.0), 4, Values())
    run.sent(1)
    clock.now_s += 1800
    run.returned(1, 0, StageReport((), 0.0, 50, requests=(("HeadObject", "200", 2), ("PutObject", "200", 3))))
    run.look(standing, {})
    assert held == [Held(core_hours=1.0, gpu_hours=0.25, reads=2, writes=3, bytes_read=50)]


def test_what_is_held_up_to_now_is_counted_once(clock: Clock) -> None:
    seen: list[Held] = []
    run = Telemetry(STAGES, RunLabels(cost=lambda now: seen.append(now) or 0.0), 4, Values())
    clock.now_s += 900
    assert run.held(standing()).core_hours == 0.5
    clock.now_s += 900
    assert run.held(standing()).core_hours == 1.0
    run.look(standing, {})
    assert seen[-1].core_hours == 1.0


def test_values_are_sent_every_five_seconds(clock: Clock) -> None:
    values = Values()
    run = Telemetry(STAGES, RunLabels(), 4, values)
    clock.now_s += 4.9
    run.look(standing, {})
    assert not values.seen
    clock.now_s += 0.2
    run.look(standing, {})
    assert values.seen


def test_calls_that_never_return_are_forgotten(clock: Clock) -> None:
    run = Telemetry(STAGES, RunLabels(), 4, Values())
    run.sent(1)
    run.sent(2)
    run.look(standing, {2: object()}, last=True)
    assert list(run._sent_s) == [2]


def test_the_log_has_one_line_a_minute(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, telemetry.__name__)
    run = Telemetry(STAGES, RunLabels(), 4, Values())
    run.done([None])
    for _ in range(24):
        clock.now_s += 5
        run.look(standing, {})
    assert len(caplog.messages) == 2
    assert "tracks.answered=1" in caplog.messages[0].split()
    assert "actors.extract.ready=2" in caplog.messages[0].split()
