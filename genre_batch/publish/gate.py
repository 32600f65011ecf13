"""The rules that decide whether runs may be served: pure functions of what was counted."""

import math
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from genre_batch.catalog.reject import printable
from genre_batch.publish.pointer import PublishedModel
from genre_batch.sink.canary_record import CanaryRecord
from genre_batch.sink.verdict import Verdict

_SMOOTHING = 0.5


class GateConfig(BaseModel):
    """What may be published.

    max_reject_rate: a share of the tracks that the new runs tried and that are still in the catalog; each counts once,
    by its newest outcome. max_abstain_rate: a share of the new answers. max_drift: the
    population stability index of the new answers' genres, and of their confidence, against the served table; 0.1 is
    often called small and 0.25 large. drift_tracks: with fewer answers on either side, drift is noise, and no rule.
    min_coverage: a model takes another's place only with answers for this share of its tracks. max_deleted_rate: the
    share of the served tracks that may be withdrawn at once because the catalog no longer has them. max_canary_change:
    how far a probability of a canary may be from the expected one; null for what suits the precision of the run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_reject_rate: float = Field(default=0.25, ge=0.0, le=1.0)
    max_abstain_rate: float = Field(default=0.9, ge=0.0, le=1.0)
    max_drift: NonNegativeFloat = 0.25
    drift_tracks: PositiveInt = 1000
    min_coverage: NonNegativeFloat = 0.95
    max_deleted_rate: float = Field(default=0.2, ge=0.0, le=1.0)
    max_canary_change: NonNegativeFloat | None = None


class Ruling(BaseModel):
    """What one rule says: the value that it looked at, and the limit. message: one line for people."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rule: str
    passed: bool
    message: str
    value: float | None = None
    limit: float | None = None


class Evidence(BaseModel):
    """What the rules look at. new: the runs to be published, as a table of their own. served: that of the same model.

    tried, failed: the tracks of the new runs that are still in the catalog, and those of them with a reject as their
    newest outcome. verdict: why the newest of the new runs failed, if it did. answered: the tracks with an answer after
    the step. replaced: those with an answer now of another model, which would no longer be the current one; None if the
    model stays. deleted: the tracks that would be withdrawn. canaries: what those of each new run answered, if its
    bundle has some.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    new: PublishedModel
    served: PublishedModel | None = None
    tried: NonNegativeInt = 0
    failed: NonNegativeInt = 0
    verdict: Verdict | None = None
    answered: NonNegativeInt = 0
    replaced: NonNegativeInt | None = None
    deleted: NonNegativeInt = 0
    canaries: dict[str, CanaryRecord] = {}


def rulings(evidence: Evidence, config: GateConfig) -> list[Ruling]:
    """What each rule says that has something to look at."""
    rules = _verdict, _canaries, _rates, _drift, _tables
    return [ruling for rule in rules for ruling in rule(evidence, config)]


def _verdict(evidence: Evidence, _: GateConfig) -> Iterator[Ruling]:
    failed = evidence.verdict
    if failed is not None:
        message = f"run {failed.run_id} failed: {printable(failed.message)}"
        yield Ruling(rule="verdict", passed=False, message=message)
    elif evidence.new.runs:
        yield Ruling(rule="verdict", passed=True, message=f"run {evidence.new.runs[-1]} did not fail")


def _canaries(evidence: Evidence, config: GateConfig) -> Iterator[Ruling]:
    checks = [check for record in evidence.canaries.values() for check in record.checks]
    if not checks:
        return
    largest = max(check.largest_change for check in checks)
    limit = min(check.tolerance for check in checks) if config.max_canary_change is None else config.max_canary_change
    for run_id, record in reversed(evidence.canaries.items()):
        for change in record.changes(config.max_canary_change):
            message = f"run {run_id} did not answer as its bundle does: {change}"
            yield Ruling(rule="canaries", passed=False, message=message, value=largest, limit=limit)
            return
    message = f"the canaries answered as expected (largest change {largest:.2g})"
    yield Ruling(rule="canaries", passed=True, message=message, value=largest, limit=limit)


def _rates(evidence: Evidence, config: GateConfig) -> Iterator[Ruling]:
    counts = evidence.new.counts
    if evidence.tried:
        share = evidence.failed / evidence.tried
        yield _at_most("reject_rate", share, config.max_reject_rate, "of the tracks rejected")
    if counts.scored:
        share = counts.abstained / counts.scored
        yield _at_most("abstain_rate", share, config.max_abstain_rate, "of the answers without a genre")


def _drift(evidence: Evidence, config: GateConfig) -> Iterator[Ruling]:
    new, served = evidence.new, evidence.served
    if served is None or min(new.counts.scored, served.counts.scored) < config.drift_tracks:
        return
    genres = sorted(new.counts.genres.keys() | served.counts.genres.keys())
    pairs = [(served.counts.genres.get(genre, 0), new.counts.genres.get(genre, 0)) for genre in genres]
    yield _at_most("genre_drift", stability_index(pairs), config.max_drift, "PSI of the genres")
    confidence = list(zip(served.confidence, new.confidence, strict=True))
    yield _at_most("confidence_drift", stability_index(confidence), config.max_drift, "PSI of the confidence")


def _tables(evidence: Evidence, config: GateConfig) -> Iterator[Ruling]:
    if evidence.replaced:
        share = evidence.answered / evidence.replaced
        message = (
            f"{share:.3g} times the tracks of the model that it takes the place of; {config.min_coverage:g} needed"
        )
        passed = share >= config.min_coverage
        yield Ruling(rule="coverage", passed=passed, message=message, value=share, limit=config.min_coverage)
    if evidence.deleted and evidence.answered:
        share = min(evidence.deleted / evidence.answered, 1.0)
        yield _at_most("deleted_rate", share, config.max_deleted_rate, "of the tracks are gone from the catalog")


def _at_most(rule: str, value: float, limit: float, what: str) -> Ruling:
    message = f"{value:.3g} {what}; at most {limit:g}"
    return Ruling(rule=rule, passed=value <= limit, message=message, value=value, limit=limit)


def stability_index(counts: Sequence[tuple[int, int]]) -> float:
    """The population stability index between two distributions, given as (expected, found) counts per bin.

    0 for equal ones.
    """
    return math.fsum(stability_terms(counts))


def stability_terms(counts: Sequence[tuple[int, int]]) -> list[float]:
    """What each bin adds to the population stability index.

    Half a track is added to each bin, so that an empty one does not make the index infinite.
    """
    expected = sum(old for old, _ in counts) + _SMOOTHING * len(counts)
    found = sum(new for _, new in counts) + _SMOOTHING * len(counts)
    shares = (((old + _SMOOTHING) / expected, (new + _SMOOTHING) / found) for old, new in counts)
    return [(q - p) * math.log(q / p) for p, q in shares]
