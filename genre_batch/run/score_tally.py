"""What the files of one run say in all, streamed: memory does not grow with the table."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.prefetch import prefetched
from genre_batch.sink.record import DataFile
from genre_batch.storage.object_file import ObjectFile
from genre_batch.storage.store import Store

BINS = 20

_SCORES_FOLDER = "scores/"
_COLUMNS = ["genre", "confidence", "abstained"]
_REASON = ["reason"]
_READERS = 8
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class ScoreTally:
    """Counts over rows, added up file by file.

    genres: tracks by genre, those without an answer left out. confidence: the sum of their confidences, by genre.
    answered, abstained: [BINS] tracks by confidence, in bins of equal width from 0 to 1. reasons: rejects.
    """

    genres: Counter[str] = field(default_factory=Counter)
    confidence: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    answered: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    abstained: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def scored(self) -> int:
        """All rows of `scores`."""
        return int(self.answered.sum() + self.abstained.sum())

    @property
    def abstained_share(self) -> float:
        """The share of scored tracks without an answer; 0 where there is none."""
        return int(self.abstained.sum()) / self.scored if self.scored else 0.0

    def mean_confidence(self, genre: str) -> float:
        """The mean confidence of the tracks answered with `genre`."""
        return self.confidence[genre] / self.genres[genre]

    def add(self, other: "ScoreTally") -> None:
        """Count what `other` counted as well."""
        self.genres.update(other.genres)
        for genre, confidence in other.confidence.items():
            self.confidence[genre] += confidence
        self.answered[:] += other.answered
        self.abstained[:] += other.abstained
        self.reasons.update(other.reasons)


def tally_files(store: Store, output: str, files: Sequence[DataFile]) -> ScoreTally:
    """The sum over the files of a run below `output`; only the columns that are counted are read.

    Raises DamageFound where a file cannot be read as Parquet, and what the store raises.
    """
    tally = ScoreTally()
    with ThreadPoolExecutor(_READERS) as executor:
        for part in prefetched(lambda file: _tally_file(store, output, file.path), files, executor, 2 * _READERS):
            tally.add(part)
    return tally


def _tally_file(store: Store, output: str, path: str) -> ScoreTally:
    tally = ScoreTally()
    scores = path.startswith(_SCORES_FOLDER)
    for batch in _batches(store, layout.at(output, path), _COLUMNS if scores else _REASON):
        if scores:
            _count_scores(tally, batch)
        else:
            tally.reasons.update(_counts(batch["reason"]))
    return tally


def _batches(store: Store, uri: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(
            pa.PythonFile(ObjectFile(store, uri), mode="r"), page_checksum_verification=True, pre_buffer=True
        ) as file:
            yield from file.iter_batches(_ROWS_AT_ONCE, columns=columns, use_threads=False)
    except (pa.ArrowException, OSError, KeyError) as error:
        raise DamageFound(f"{uri} cannot be read as Parquet: {error}", "restore the file, or score again") from error


def _count_scores(tally: ScoreTally, batch: pa.RecordBatch) -> None:
    confidence = np.asarray(batch["confidence"], np.float64)
    abstained = np.asarray(batch["abstained"].cast(pa.uint8()), np.bool_)
    tally.answered[:] += np.histogram(confidence[~abstained], BINS, (0.0, 1.0))[0]
    tally.abstained[:] += np.histogram(confidence[abstained], BINS, (0.0, 1.0))[0]
    tally.genres.update(_counts(batch["genre"]))
    sums = pa.Table.from_batches([batch]).drop_null().group_by("genre").aggregate([("confidence", "sum")])
    for genre, confidence in zip(sums["genre"].to_pylist(), sums["confidence_sum"].to_pylist(), strict=True):
        tally.confidence[genre] += confidence


def _counts(values: pa.Array) -> dict[str, int]:
    counted = pc.value_counts(pc.drop_null(values))
    return dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))
