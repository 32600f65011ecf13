"""What a run's canaries answered at its starts and its ends, kept beside its manifest."""

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, NonNegativeFloat

from genre_batch.catalog.reject import printable
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.json_records import read_json, to_json
from genre_batch.storage.store import Store

Moment: TypeAlias = Literal["start", "end"]
"""When canaries are scored: as soon as the actors of a start are ready, and when its work is done."""


class CanaryAnswer(BaseModel):
    """One clip. expected, genre: the most probable genre, expected and found. change: of its largest change, see below.

    expected_probability, probability: of the expected genre. change: the largest difference of any probability.
    reject: why the clip has no answer; genre, probability and change are null then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    clip: str
    expected: str
    expected_probability: float
    genre: str | None = None
    probability: float | None = None
    change: NonNegativeFloat | None = None
    reject: str | None = None

    def has_changed(self, limit: float) -> bool:
        """Whether the clip has no answer, or one that is further than `limit` from the expected one."""
        return self.change is None or self.change > limit

    def describe(self) -> str:
        """The answer beside the expected one, as a part of a sentence."""
        expected = f"{self.expected} at {self.expected_probability:.3f} is expected"
        if self.genre is None or self.probability is None or self.change is None:
            found = f"rejected: {printable(self.reject or 'no answer', 200)}"
        elif self.genre == self.expected:
            found = f"found at {self.probability:.3f}"
        else:
            found = f"found at {self.probability:.3f}, below {self.genre}"
        change = "" if self.change is None else f" (largest change {self.change:.3f})"
        return printable(f"canary {self.clip}: {expected}, {found}{change}")


class CanaryCheck(BaseModel):
    """All clips, scored once. tolerance: the largest change that counts as none. error: why there are no answers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    moment: Moment
    at: AwareDatetime
    tolerance: NonNegativeFloat
    answers: tuple[CanaryAnswer, ...] = ()
    error: str | None = None

    def changes(self, limit: float | None = None) -> list[str]:
        """What differs by more than `limit`, or than the tolerance: a part of a sentence for each clip."""
        if self.error is not None:
            return [printable(f"the canaries could not be scored: {self.error}")]
        least = self.tolerance if limit is None else limit
        return [answer.describe() for answer in self.answers if answer.has_changed(least)]

    @property
    def largest_change(self) -> float:
        """The largest change of all clips; 1 if one has no answer."""
        return max((1.0 if each.change is None else each.change for each in self.answers), default=1.0)


class CanaryRecord(BaseModel):
    """The checks of one run, oldest first: a start and an end for each time that it was started and not killed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    checks: tuple[CanaryCheck, ...] = ()

    def changes(self, limit: float | None = None) -> Iterator[str]:
        """What changed in any check, the newest first, with the moment."""
        for check in reversed(self.checks):
            for change in check.changes(limit):
                yield f"at its {check.moment}, {change}"


def read_canary_record(store: Store, output: str, run_id: str) -> CanaryRecord | None:
    """What the canaries of a run answered; None if its bundle has none. Raises DamageFound if it is not readable."""
    path = layout.canaries_path(run_id)
    try:
        return read_json(store, layout.at(output, path), CanaryRecord, output)
    except DamageFound as error:
        raise DamageFound(str(error), f"remove {path}: the run then counts as one without canaries") from error


def canary_records(store: Store, output: str, runs: Iterable[str]) -> dict[str, CanaryRecord]:
    """What the canaries of these runs answered, by run, without those that have none. Raises as for one run."""
    found = {run_id: read_canary_record(store, output, run_id) for run_id in runs}
    return {run_id: record for run_id, record in found.items() if record}


def write_canary_record(store: Store, output: str, run_id: str, record: CanaryRecord) -> None:
    """Keep what the canaries of a run answered so far."""
    store.write(layout.at(output, layout.canaries_path(run_id)), to_json(record))
