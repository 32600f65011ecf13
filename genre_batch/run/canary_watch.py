"""Compares what a run's canaries answer with what is expected, and keeps it with the run's records."""

from collections.abc import Sequence
from datetime import UTC, datetime

from genre_batch.catalog.reject import Reject
from genre_batch.engine.workload import ProbeAnswer
from genre_batch.model.canaries import Canary
from genre_batch.model.scores import Score
from genre_batch.notices import warn
from genre_batch.sink.canary_record import (
    CanaryAnswer,
    CanaryCheck,
    CanaryRecord,
    read_canary_record,
    write_canary_record,
)
from genre_batch.storage.store import Store


class CanaryWatch:
    """Called with the outcomes of the canaries of one run, at each of its starts and ends.

    tolerance: the largest change of a probability that counts as none.
    """

    def __init__(self, store: Store, output: str, run_id: str, canaries: Sequence[Canary], tolerance: float) -> None:
        self._store, self._output, self._run_id = store, output, run_id
        self._canaries, self._tolerance = canaries, tolerance
        self._new: list[CanaryCheck] = []

    def __call__(self, answer: ProbeAnswer) -> None:
        """Compare, record, and warn about a change. Raises what the store raises."""
        answers = tuple(map(canary_answer, self._canaries, answer.outcomes)) if not answer.error else ()
        check = CanaryCheck(
            moment=answer.moment,
            at=datetime.now(UTC),
            tolerance=self._tolerance,
            answers=answers,
            error=answer.error or None,
        )
        self._new.append(check)
        before = read_canary_record(self._store, self._output, self._run_id) or CanaryRecord()
        record = CanaryRecord(checks=(*before.checks, check))
        write_canary_record(self._store, self._output, self._run_id, record)
        for change in check.changes():
            warn(f"{change}; `publish` refuses this run")

    @property
    def changes(self) -> tuple[str, ...] | None:
        """What changed since this start, one sentence each; None if nothing was checked."""
        if not self._new:
            return None
        return tuple(CanaryRecord(checks=tuple(self._new)).changes())


def canary_answer(canary: Canary, outcome: object) -> CanaryAnswer:
    """What one clip got, beside what is expected."""
    facts = {"clip": canary.name, "expected": canary.genre}
    expected = {**facts, "expected_probability": canary.probabilities[canary.genre]}
    if isinstance(outcome, Score):
        probability = dict(outcome.top_k).get(canary.genre, 0.0)
        genre, change = outcome.top_k[0][0], canary.change(outcome.top_k)
        return CanaryAnswer.model_validate({**expected, "genre": genre, "probability": probability, "change": change})
    reason = f"{outcome.reason}: {outcome.message}" if isinstance(outcome, Reject) else "no answer"
    return CanaryAnswer.model_validate({**expected, "reject": reason})
