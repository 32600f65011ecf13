"""Takes the workers' own test batch through one actor of each stage, at the start and the end of the work.

The start holds nothing up: the calls are sent before the first batch and their answers are collected while the run
works. The end waits for its answers.
"""

import time
from collections.abc import Callable, Sequence

import ray
from ray import ObjectRef
from ray.exceptions import RayError

from genre_batch.catalog.reject import Reject
from genre_batch.engine.ray_actors import RayActors
from genre_batch.engine.ray_errors import cause
from genre_batch.engine.workload import ProbeAnswer, ProbeMoment
from genre_batch.stages.stage import StageReport

_TRIES = 3
_DEADLINE_S = 60.0


class Probing:
    """The test batch of one run. answered: called with its outcomes; None if the workers have no such batch.

    Actors that are lost meanwhile are replaced by others, three times in all.
    """

    def __init__(self, actors: RayActors, answered: Callable[[ProbeAnswer], None] | None) -> None:
        self._actors = actors
        self._answered = answered
        self._moment: ProbeMoment | None = None
        self._reports: list[ObjectRef[object]] | None = None
        self._tries = 0

    def begin(self, moment: ProbeMoment) -> None:
        """Send the batch as soon as every stage has an actor that can work."""
        if self._answered is not None:
            self._moment, self._reports, self._tries = moment, None, 0
            self.look()

    def look(self, timeout_s: float = 0.0) -> bool:
        """Send the batch if it has not been sent, and report its outcomes if they arrive within `timeout_s` seconds.

        False if a stage has no actor to ask.
        """
        if self._moment is None:
            return True
        if self._reports is None:
            self._reports = self._actors.probe(self._tries)
            if self._reports is None:
                return False
            self._tries += 1
        done, _ = ray.wait(self._reports, num_returns=len(self._reports), timeout=timeout_s)
        if len(done) == len(self._reports):
            self._collect(self._reports)
        return True

    def finish(self, check: Callable[[], object]) -> None:
        """Collect what is still under way, then do it all again and wait for it. check: called while it waits."""
        self._wait(check)
        self.begin("end")
        self._wait(check)

    def _wait(self, check: Callable[[], object]) -> None:
        until_s = time.monotonic() + _DEADLINE_S
        while self._is_waiting():
            check()
            if not self.look(timeout_s=0.2):
                self._moment = None
            elif self._is_waiting() and time.monotonic() > until_s:
                self._report((), f"no answer within {_DEADLINE_S:.0f} s")

    def _is_waiting(self) -> bool:
        return self._moment is not None

    def _collect(self, calls: list[ObjectRef[object]]) -> None:
        self._reports = None
        try:
            reports = ray.get(calls)
        except RayError as error:
            if self._tries >= _TRIES:
                self._report((), cause(error))
        else:
            self._report(_outcomes(reports))

    def _report(self, outcomes: tuple[object, ...], error: str = "") -> None:
        assert self._answered
        assert self._moment
        moment, self._moment, self._reports = self._moment, None, None
        self._answered(ProbeAnswer(moment, outcomes, error))


def _outcomes(reports: Sequence[object]) -> tuple[object, ...]:
    """The last word on each track of the batch: its Reject if a stage rejected it."""
    by_stage = [report.outcomes for report in reports if isinstance(report, StageReport)]
    return tuple(
        next((each for each in outcomes if isinstance(each, Reject)), outcomes[-1])
        for outcomes in zip(*by_stage, strict=True)
    )
