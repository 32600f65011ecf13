"""The findings of a verification: damage, and information that is worth knowing."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from genre_batch.catalog.reject import printable
from genre_batch.wording import plural

_MAX_INFORMATION = 1_000


class Kind(StrEnum):
    """The closed set of findings; docs/verify.md explains each."""

    MISSING = "missing"
    DAMAGED = "damaged"
    WRONG_ROWS = "wrong_rows"
    WRONG_VALUES = "wrong_values"
    EXTRA = "extra"
    SCORED_TWICE = "scored_twice"
    WRONG_POINTER = "wrong_pointer"
    UNFINISHED = "unfinished"
    UNPUBLISHED = "unpublished"
    UNCOMMITTED = "uncommitted"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    STALE = "stale"


INFORMATION = frozenset(
    {Kind.SCORED_TWICE, Kind.UNFINISHED, Kind.UNPUBLISHED, Kind.UNCOMMITTED, Kind.UNKNOWN, Kind.CHANGED, Kind.STALE}
)


class Finding(BaseModel):
    """One finding. path: relative to the output, or the URI of a track. tracks: how many it affects, if known.

    run_id and shard: those it belongs to, if any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Kind
    path: str
    message: str
    tracks: NonNegativeInt = 0
    run_id: str | None = None
    shard: NonNegativeInt | None = None

    @property
    def is_damage(self) -> bool:
        """Whether the output is not as it should be."""
        return self.kind not in INFORMATION

    def line(self) -> str:
        """The finding as one line of text."""
        tracks = f" ({plural(self.tracks, 'track')})" if self.tracks else ""
        return f"{self.kind}: {printable(self.path)}: {printable(self.message)}{tracks}"


class Findings:
    """All damage, and the first 1,000 findings of each kind of information; `counts` includes the others.

    run_id and shard: what a finding belongs to unless `add` is given another.
    """

    def __init__(self, run_id: str | None = None, shard: int | None = None) -> None:
        self.counts: Counter[Kind] = Counter()
        self.kept: list[Finding] = []
        self._run_id, self._shard = run_id, shard

    def for_run(self, run_id: str) -> "Findings":
        """These findings, for adding those of one run."""
        findings = Findings(run_id)
        findings.counts, findings.kept = self.counts, self.kept
        return findings

    def add(
        self,
        kind: Kind,
        path: str,
        message: str,
        *,
        tracks: int = 0,
        run_id: str | None = None,
        shard: int | None = None,
    ) -> None:
        """Add a finding."""
        run_id, shard = run_id or self._run_id, self._shard if shard is None else shard
        self.extend([Finding(kind=kind, path=path, message=message, tracks=tracks, run_id=run_id, shard=shard)])

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add several."""
        for finding in findings:
            self.counts[finding.kind] += 1
            if finding.is_damage or self.counts[finding.kind] <= _MAX_INFORMATION:
                self.kept.append(finding)

    @property
    def damage(self) -> int:
        """How many findings are damage."""
        return sum(count for kind, count in self.counts.items() if kind not in INFORMATION)
