"""Sums over the files of one run, streamed, so that memory does not grow with the table."""

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
from genre_batch.sink.map_ahead import map_ahead
from genre_batch.sink.record import DataFile
from genre_batch.storage.object_file import ObjectFile
from genre_batch.storage.store import Store

HISTOGRAM_BINS = 20

_SCORES_FOLDER = "scores/"
_COLUMNS = ["genre", "confidence", "abstained"]
_REASON = ["reason"]
_READERS = 8
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class ScoreTally:
    """Counts of rows, added up file by file.

    genres: tracks by genre, without abstentions. confidence: the sum of their confidences, by genre. answered,
    abstained: [HISTOGRAM_BINS], tracks by confidence in bins of equal width from 0 to 1. reasons: rejects by reason.
    """

    genres: Counter[str] = field(default_factory=Counter)
    confidence: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    answered: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(HISTOGRAM_BINS, np.int64))
    abstained: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(HISTOGRAM_BINS, np.int64))
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def scored(self) -> int:
        """The number of rows of `scores`."""
        return int(self.answered.sum() + self.abstained.sum())

    @property
    def abstained_share(self) -> float:
        """The share of scored tracks on which the model abstained; 0 if there are none."""
        return int(self.abstained.sum()) / self.scored if self.scored else 0.0

    def mean_confidence(self, genre: str) -> float:
        """The mean confidence of the tracks answered with `genre`."""
        return self.confidence[genre] / self.genres[genre]

    def by_frequency(self) -> list[tuple[str, int]]:
        """The genres with their tracks, the most frequent first and equally frequent ones by name."""
        return sorted(self.genres.items(), key=lambda item: (-item[1], item[0]))

    def count(self, batch: pa.RecordBatch) -> None:
        """Add the rows of `batch`, with the columns genre, confidence and abstained."""
        confidence = np.asarray(batch["confidence"], np.float64)
        abstained = np.asarray(batch["abstained"].cast(pa.uint8()), np.bool_)
        self.answered[:] += np.histogram(confidence[~abstained], HISTOGRAM_BINS, (0.0, 1.0))[0]
        self.abstained[:] += np.histogram(confidence[abstained], HISTOGRAM_BINS, (0.0, 1.0))[0]
        self.genres.update(_counts(batch["genre"]))
        rows = pa.Table.from_batches([batch]).select(["genre", "confidence"]).drop_null()
        sums = rows.group_by("genre").aggregate([("confidence", "sum")])
        for genre, total in zip(sums["genre"].to_pylist(), sums["confidence_sum"].to_pylist(), strict=True):
            self.confidence[genre] += total

    def add(self, other: "ScoreTally") -> None:
        """Add the counts of `other`."""
        self.genres.update(other.genres)
        for genre, confidence in other.confidence.items():
            self.confidence[genre] += confidence
        self.answered[:] += other.answered
        self.abstained[:] += other.abstained
        self.reasons.update(other.reasons)


def tally_files(store: Store, output: str, files: Sequence[DataFile]) -> ScoreTally:
    """The sums over the files of a run of `output`; only the columns that are counted are read.

    Raises DamageFound if a file cannot be read as Parquet, and what the store raises.
    """
    tally = ScoreTally()
    with ThreadPoolExecutor(_READERS) as executor:
        for part in map_ahead(lambda file: _tally_file(store, output, file.path), files, executor, 2 * _READERS):
            tally.add(part)
    return tally


def _tally_file(store: Store, output: str, path: str) -> ScoreTally:
    tally = ScoreTally()
    scores = path.startswith(_SCORES_FOLDER)
    for batch in _batches(store, layout.at(output, path), _COLUMNS if scores else _REASON):
        if scores:
            tally.count(batch)
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


def _counts(values: pa.Array) -> dict[str, int]:
    counted = pc.value_counts(pc.drop_null(values))
    return dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))
