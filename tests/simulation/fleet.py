"""A catalog of many millions on many machines: measured stage times, and assumptions about storage and machines.

The times of a batch are drawn from a table of 65,536 batches, which is computed once from the times of single tracks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from simulation.conditions import Fate
from two_stages import Role

from genre_batch.catalog.work_units import Batch
from genre_batch.schedule.batch_size import BatchSize

_TABLE = 1 << 16
_CPU_MS = {"mp3": 38.6, "aac": 33.1, "flac": 35.3, "ogg": 37.8, "opus": 61.6, "wav": 17.5, "alac": 77.2}
"""Decode, resample and features of a track on one core: docs/performance.md."""
_SHARE = {"mp3": 0.70, "aac": 0.12, "flac": 0.10, "ogg": 0.04, "opus": 0.02, "wav": 0.01, "alac": 0.01}
_SIZE_MB = {"mp3": 7.0, "aac": 7.0, "flac": 28.0, "ogg": 6.0, "opus": 4.0, "wav": 42.0, "alac": 29.0}
"""4 minutes at common bit rates."""
_MODEL_MS = 4.8
_FLOOR_RATIO = 0.77
"""The floor over core-seconds per track of the whole job. The rest is the sandbox, Ray and waiting."""
_CPU_SPREAD = 0.25
_FIRST_BYTE_S, _FIRST_BYTE_SPREAD = 0.030, 0.7
_READ_MB_PER_S = 85.0
_TRIED_AGAIN, _TRIED_AGAIN_AFTER_S = 0.005, 1.0
_READS_AHEAD = 4
_PUT_S, _PUT_SPREAD, _PUTS_A_COMMIT = 0.060, 0.5, 3
_COMMIT_CPU_S_PER_TRACK = 1e-5
_DRIVER_CALL_S, _DRIVER_TRACK_S = 0.71e-3, 12.8e-6
"""CPU seconds of the driver for a call, and for a track from the listing to its file: docs/performance.md."""
_STRAGGLERS, _STRAGGLER_PACE = 0.001, 10.0
_SLOW_NODES, _SLOW_NODE_PACE = 0.02, 2.0


@dataclass(frozen=True, slots=True)
class Workload:
    """The assumptions about a fleet. preempted: the share of the machines that are preempted per hour.

    most_batch_tracks: batches adapt up to this size; 0: they always have `batch_tracks`.
    """

    batch_tracks: int = 32
    most_batch_tracks: int = 0
    part_tracks: int = 1024
    rejects: float = 0.01
    preempted: float = 0.01
    node_actors: int = 16


def driver_cpu_s(calls: int, tracks: int) -> float:
    """CPU seconds that a driver's process takes for so many calls and tracks."""
    return calls * _DRIVER_CALL_S + tracks * _DRIVER_TRACK_S


class Fleet:
    """The conditions of a fleet, drawn from a seed."""

    def __init__(self, workload: Workload, actors: int, seed: int) -> None:
        self._workload = workload
        self._rng = np.random.default_rng(seed)
        self._first_starts = actors
        self._scorable: list[int] = self._rng.binomial(workload.batch_tracks, 1 - workload.rejects, _TABLE).tolist()
        self._extract_s: list[float] = self._straggling(self._extract_table_s()).tolist()
        predict_s = workload.batch_tracks * _MODEL_MS / 1000 / _FLOOR_RATIO * self._spread(0.05, _TABLE)
        self._predict_s: list[float] = self._straggling(predict_s).tolist()
        puts_s = _PUT_S * self._spread(_PUT_SPREAD, _TABLE, _PUTS_A_COMMIT).sum(axis=1)
        self._commit_s: list[float] = (puts_s + workload.part_tracks * _COMMIT_CPU_S_PER_TRACK).tolist()
        self._calls = self._commits = 0

    def suitable(self, actors: int) -> Callable[[int], int] | None:
        """How many tracks a batch is to have for `actors` extract actors, when so many are in no batch yet."""
        if not self._workload.most_batch_tracks:
            return None
        size = BatchSize(self._workload.most_batch_tracks, adapts=True)
        size.note(_TABLE * self._workload.batch_tracks, sum(self._extract_s))
        return lambda left: size.tracks(left, actors)

    @property
    def node_actors(self) -> int:
        """One per core."""
        return self._workload.node_actors

    def deadline_s(self, role: Role) -> float:
        """The deadlines of `engine.ray_actors`, with a minute to decode a track."""
        return 60.0 + self._workload.batch_tracks * 120.0 if role is Role.EXTRACT else 300.0

    def fate(self, role: Role, batch: Batch) -> Fate:
        """The next time of the table, scaled to the size of the batch."""
        self._calls += 1
        table = self._extract_s if role is Role.EXTRACT else self._predict_s
        return Fate(table[self._calls % _TABLE] * (batch.stop - batch.start) / self._workload.batch_tracks)

    def scorable(self, batch: Batch) -> int:
        """Nearly all, and at least one."""
        return max(1, min(self._scorable[batch.start % _TABLE], batch.stop - batch.start))

    def start_s(self) -> float:
        """The start of Ray's worker and the model; later actors also wait for a machine."""
        self._first_starts -= 1
        return float(self._rng.uniform(10.0, 30.0) + (0.0 if self._first_starts >= 0 else 120.0))

    def again_s(self) -> float | None:
        """No event arrives twice."""
        return None

    def node_life_s(self) -> float:
        """Exponential."""
        return float(self._rng.exponential(3600.0 / self._workload.preempted))

    def node_pace(self) -> float:
        """Some machines are slow for as long as they live, as next to noisy neighbours."""
        return _SLOW_NODE_PACE if self._rng.random() < _SLOW_NODES else 1.0

    def node_is_cut(self) -> bool:
        """No: preemptions are announced."""
        return False

    def notice_s(self, *, cut: bool) -> float:
        """The time of Ray's health check if the link is cut."""
        return 30.0 if cut else 0.002

    def commit_s(self) -> float:
        """Three objects, one after another."""
        self._commits += 1
        return self._commit_s[self._commits % _TABLE]

    def _extract_table_s(self) -> npt.NDArray[np.float64]:
        """Seconds per batch, [n]. Reading runs ahead of decoding, so the slower of the two counts."""
        shape = (_TABLE, self._workload.batch_tracks)
        encoding = self._rng.choice(len(_SHARE), size=shape, p=list(_SHARE.values()))
        cpu_s = np.array(list(_CPU_MS.values()))[encoding] / 1000 / _FLOOR_RATIO * self._spread(_CPU_SPREAD, *shape)
        first_byte_s = _FIRST_BYTE_S * self._spread(_FIRST_BYTE_SPREAD, *shape)
        again_s = _TRIED_AGAIN_AFTER_S * (self._rng.random(shape) < _TRIED_AGAIN)
        read_s = first_byte_s + again_s + np.array(list(_SIZE_MB.values()))[encoding] / _READ_MB_PER_S
        ahead_s: npt.NDArray[np.float64] = np.maximum(cpu_s.sum(axis=1), read_s.sum(axis=1) / _READS_AHEAD)
        return ahead_s + read_s[:, 0]

    def _straggling(self, seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.where(self._rng.random(_TABLE) < _STRAGGLERS, _STRAGGLER_PACE, 1.0) * seconds

    def _spread(self, sigma: float, *shape: int) -> npt.NDArray[np.float64]:
        """Lognormal factors [shape] with a mean of about 1."""
        return self._rng.lognormal(0.0, sigma, shape)
