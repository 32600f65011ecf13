"""Stages of a run that answer at once, for `driver.py`; in a module of their own, so that actors can import them."""

from functools import cache

import numpy as np
from replan import GENRES

from genre_batch.catalog.reject import RejectStage
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.model.scores import Score
from genre_batch.sink.schema import ScoredTrack
from genre_batch.stages.fused import fuse
from genre_batch.stages.stage import Flow, PoolSize, Stage, StageReport

ANSWERS = 1 << 13
BLOCK_BYTES = 200_000
SLIVER = 0.01


@cache
def answers() -> list[tuple[TrackFacts, Score]]:
    """As many different answers as there may be tracks in a batch, with ten genres each."""
    random = np.random.default_rng(0)
    found: list[tuple[TrackFacts, Score]] = []
    for _ in range(ANSWERS):
        chances = np.sort(random.dirichlet(np.full(len(GENRES), 0.3)).astype(np.float32))[::-1].tolist()
        top_k = tuple((GENRES[n], chance) for n, chance in zip(random.permutation(len(GENRES)), chances, strict=True))
        facts = TrackFacts(float(random.uniform(60, 400)), float(random.uniform(15, 180)), "soundfile", 44_100, 2)
        found.append((facts, Score(*top_k[0], top_k, False, 10)))
    return found


class NullExtract:
    """Has read and decoded every track already. Its block is large enough not to travel to the driver."""

    def __init__(self) -> None:
        self._block = np.zeros(BLOCK_BYTES, np.uint8)
        self._next = 0
        answers()

    def ready(self) -> None:
        """Return at once."""

    def run(self, tracks: list[Track]) -> tuple[object, StageReport]:
        """The facts of the next answers."""
        self._next = (self._next + len(tracks)) % (ANSWERS - 1024)
        found = answers()[self._next : self._next + len(tracks)]
        return (self._block, len(tracks)), StageReport(tuple(facts for facts, _ in found), 0.0)


class NullPredict:
    """Has an answer to every block."""

    def __init__(self) -> None:
        self._next = 0
        answers()

    def ready(self) -> None:
        """Return at once."""

    def run(self, block: tuple[object, int]) -> StageReport:
        """The next scores."""
        self._next = (self._next + block[1]) % (ANSWERS - 1024)
        return StageReport(tuple(score for _, score in answers()[self._next : self._next + block[1]]), 0.0)


def null_flow(actors: int, *, separate: bool) -> Flow:
    """The flow of a run of scores, without the work."""
    size = PoolSize(min_size=actors, max_size=actors)
    extract = Stage("extract", NullExtract, (), size, RejectStage.DECODE, num_cpus=SLIVER)
    predict = Stage("predict", NullPredict, (), PoolSize(max_size=max(1, actors // 2)), RejectStage.MODEL)
    flow = Flow([extract, predict], row=ScoredTrack)
    return flow if separate else fuse(flow)
