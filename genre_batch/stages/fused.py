"""Stages in one actor, one after the other: what one returns for the next does not travel."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from operator import methodcaller
from typing import Any

from genre_batch.catalog.reject import Reject
from genre_batch.catalog.track import Track
from genre_batch.stages.stage import Flow, Stage, StageReport, StepFailed

_TOGETHER = 32


class Fused:
    """The worker of a stage that does the work of `stages`. Raises what their workers raise when they are made."""

    def __init__(self, *stages: Stage) -> None:
        self._stages = stages
        self._workers: list[Any] = [stage.worker(*stage.arguments) for stage in stages]

    def ready(self) -> None:
        """Return once the actor can work."""
        for worker in self._workers:
            worker.ready()

    def run(self, tracks: list[Track]) -> StageReport:
        """For each track a tuple of what every stage found out, or the first Reject. Raises StepFailed.

        A few tracks go through all stages at a time, so that a large batch takes no more memory than a small one.
        """
        start_s, done = time.monotonic(), list[StageReport]()
        for start in range(0, max(1, len(tracks)), _TOGETHER):
            some = tracks[start : start + _TOGETHER]
            done.append(_joined(self._reports(methodcaller("run", some))))
        return replace(_added(done), spent_s=time.monotonic() - start_s)

    def probe(self) -> StageReport:
        """What the last stage found out about each track of the first one's test batch, or the first Reject."""
        joined = _joined(self._reports(methodcaller("probe")))
        last = tuple(found[-1] if isinstance(found, tuple) else found for found in joined.outcomes)
        return replace(joined, outcomes=last)

    def _reports(self, begin: Callable[[Any], Any]) -> list[StageReport]:
        """What each stage reports. begin: what the first one does."""
        batch: object = None
        reports: list[StageReport] = []
        for stage, worker in zip(self._stages, self._workers, strict=True):
            try:
                returned = worker.run(batch) if reports else begin(worker)
            except Exception as error:  # whatever it is, the row of the track at fault names the stage
                raise StepFailed(f"{type(error).__name__}: {error}", stage.blames) from error
            batch, report = (None, returned) if isinstance(returned, StageReport) else returned
            reports.append(report)
            if all(isinstance(outcome, Reject) for outcome in report.outcomes):
                break
        return reports


def fuse(flow: Flow) -> Flow:
    """A flow of one stage that does what the stages of `flow` do, with the pool of the first one.

    A track that kills the actor is blamed on the last stage: what the first one decodes runs in a process of its own.
    """
    first, last = flow.stages[0], flow.stages[-1]

    def row(track: Track, found: Sequence[object]) -> object:
        return flow.row(track, *found)

    stage = replace(
        first,
        worker=Fused,
        arguments=tuple(flow.stages),
        fused=tuple(flow.stages),
        blames=last.blames,
        call_s=sum(stage.call_s for stage in flow.stages),
        track_s=sum(stage.track_s for stage in flow.stages),
    )
    return replace(flow, stages=[stage], row=row)


def unfused(stages: Sequence[Stage]) -> list[Stage]:
    """The same stages, with a fused one as those that it was made of."""
    return [step for stage in stages for step in stage.fused or (stage,)]


def _joined(reports: Sequence[StageReport]) -> StageReport:
    found = zip(*(report.outcomes for report in reports), strict=True)
    return replace(_added(reports), outcomes=tuple(map(_first_reject, found)))


def _added(reports: Sequence[StageReport]) -> StageReport:
    """One report with the outcomes of all, one after the other, and what all have used."""
    requests = Counter[tuple[str, str]]()
    for operation, status, count in chain.from_iterable(report.requests for report in reports):
        requests[operation, status] += count
    return StageReport(
        outcomes=tuple(chain.from_iterable(report.outcomes for report in reports)),
        cpu_s=sum(report.cpu_s for report in reports),
        bytes_read=sum(report.bytes_read for report in reports),
        reads=sum(report.reads for report in reports),
        requests=tuple((*key, count) for key, count in requests.items()),
    )


def _first_reject(found: tuple[object, ...]) -> object:
    """The outcome of a track: None if a stage has none, so that the track counts as one without an outcome."""
    rejects = [outcome for outcome in found if isinstance(outcome, Reject)]
    if rejects:
        return rejects[0]
    return None if any(outcome is None for outcome in found) else found
