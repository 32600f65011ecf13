"""What commit markers and manifests record about files: names, rows, hashes and counts."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from genre_batch.catalog.reject import NOT_TRIED, RejectReason
from genre_batch.sink.tables import one_row_per_track


class DataFile(BaseModel):
    """One file of a table; `path` is relative to the output and inside one of its tables."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: str = Field(pattern=r"^(scores|features|rejects|serving)(/[^/.][^/]*)+\.parquet$")
    rows: NonNegativeInt
    size_bytes: NonNegativeInt
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @classmethod
    def of(cls, path: str, data: bytes, rows: int) -> Self:
        """The file at `path` that holds `data`."""
        return cls(path=path, rows=rows, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


class Counts(BaseModel):
    """Tracks by outcome: `scored` counts those with an answer, `abstained` those of them without a genre."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    scored: NonNegativeInt = 0
    abstained: NonNegativeInt = 0
    rejected_by_reason: dict[RejectReason, int] = {}
    genres: dict[str, int] = {}

    @property
    def rejected(self) -> int:
        """The number of rows of `rejects`."""
        return sum(self.rejected_by_reason.values())

    @property
    def failed(self) -> int:
        """The tracks that were tried and got no answer."""
        return sum(count for reason, count in self.rejected_by_reason.items() if reason not in NOT_TRIED)

    @property
    def tried(self) -> int:
        """The tracks that were tried."""
        return self.scored + self.failed

    @classmethod
    def of(cls, answers: pa.Table, rejects: pa.Table | None) -> Self:
        """The counts of one shard's tables; `features` have no genres."""
        scores = answers if "genre" in answers.column_names else None
        return cls(
            scored=one_row_per_track(answers).num_rows,
            abstained=0 if scores is None else pc.sum(scores["abstained"]).as_py() or 0,
            rejected_by_reason={RejectReason(reason): n for reason, n in _tally(rejects, "reason").items()},
            genres=_tally(scores, "genre"),
        )


class CommitRecord(BaseModel):
    """The content of one commit marker: the files of a shard, answers first, and their counts."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    shard: NonNegativeInt
    files: tuple[DataFile, ...]
    counts: Counts


def total(counts: Iterable[Counts]) -> Counts:
    """The sum of all counts, sorted by name."""
    scored = abstained = 0
    reasons: Counter[RejectReason] = Counter()
    genres: Counter[str] = Counter()
    for part in counts:
        scored += part.scored
        abstained += part.abstained
        reasons.update(part.rejected_by_reason)
        genres.update(part.genres)
    return Counts(
        scored=scored,
        abstained=abstained,
        rejected_by_reason=dict(sorted(reasons.items())),
        genres=dict(sorted(genres.items())),
    )


def _tally(table: pa.Table | None, column: str) -> dict[str, int]:
    """Rows by value, without nulls, sorted by value."""
    if table is None:
        return {}
    values = pc.value_counts(pc.drop_null(table[column])).to_pylist()
    return {entry["values"]: entry["counts"] for entry in sorted(values, key=lambda entry: str(entry["values"]))}
