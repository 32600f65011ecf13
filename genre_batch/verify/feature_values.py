"""Whether the rows of a features table are those of whole tracks, and its numbers are such."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.sink.schema import features_schema
from genre_batch.verify.table_rows import Fault

_OF_TRACK = ("uri", "etag", "size_bytes", "duration_s", "decoder")
_NOT_NUMBERS = frozenset(features_schema([]).names)


def wrong_segments(features: pa.Table) -> Iterator[Fault]:
    """Faults of the rows of a track, which are those of its segments 0 to n - 1, in order of time.

    A fault counts the rows that do not go on from the one before.
    """
    if features.num_rows == 0:
        return
    same = _as_before(features["track_id"])
    segment = features["segment"].to_numpy()
    expected = np.where(same, np.concatenate([[0], segment[:-1] + 1]), 0)
    yield "segments do not count from 0", int((segment != expected).sum())
    start_s = features["segment_start_s"].to_numpy()
    later = np.concatenate([[True], np.diff(start_s) > 0])
    yield "a segment does not start after the one before", int((same & ~later).sum())
    for name in _OF_TRACK:
        yield f"{name} changes within a track", int((same & ~_as_before(features[name])).sum())


def wrong_numbers(features: pa.Table) -> Iterator[Fault]:
    """Faults of the numbers of a row: times and descriptors."""
    for name in ("duration_s", "segment_start_s"):
        values = features[name].to_numpy()
        yield f"{name} is no time", int((~(np.isfinite(values) & (values >= 0))).sum())
    for name in features.column_names:
        if name not in _NOT_NUMBERS:
            finite = pc.sum(pc.is_finite(features[name])).as_py() or 0
            yield f"{name} is not finite", features.num_rows - finite


def _as_before(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Whether each value is that of the row before; False for the first."""
    codes = column.combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return np.concatenate([[False], codes[1:] == codes[:-1]])
