"""What verification finds: damage, and what is worth knowing but no damage."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from genre_batch.catalog.reject import printable

_KEPT_OF_A_KIND = 1_000


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


INFORMATION = frozenset({Kind.UNFINISHED, Kind.UNPUBLISHED, Kind.UNCOMMITTED, Kind.UNKNOWN, Kind.CHANGED})


class Finding(BaseModel):
    """One finding. path: relative to the output, or a track's URI. tracks: those it concerns, as far as known.

    run_id and shard: what it belongs to, where it belongs to one.
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
        """Whether the output is not what it should be."""
        return self.kind not in INFORMATION

    def line(self) -> str:
        """The finding in one line for people."""
        tracks = f" ({self.tracks:,} tracks)" if self.tracks else ""
        return f"{self.kind}: {printable(self.path)}: {printable(self.message)}{tracks}"


class Findings:
    """All damage, and the first 1,000 of each kind of information; `counts` counts all of them."""

    def __init__(self) -> None:
        self.counts: Counter[Kind] = Counter()
        self.kept: list[Finding] = []

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
        """Note a finding."""
        self.extend([Finding(kind=kind, path=path, message=message, tracks=tracks, run_id=run_id, shard=shard)])

    def extend(self, findings: Iterable[Finding]) -> None:
        """Note several."""
        for finding in findings:
            self.counts[finding.kind] += 1
            if finding.is_damage or self.counts[finding.kind] <= _KEPT_OF_A_KIND:
                self.kept.append(finding)

    @property
    def damage(self) -> int:
        """How many findings are damage."""
        return sum(count for kind, count in self.counts.items() if kind not in INFORMATION)
