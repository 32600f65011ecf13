"""Whether probabilities are such, and say the same as the columns beside them."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.model.scores import SUM_TOLERANCE

GENRES_KEPT = 10
"""A score keeps at most so many genres: a shorter list holds all the model knows."""

Mask = npt.NDArray[np.bool_]


def wrong_scores(scores: pa.Table, genres: Sequence[str] | None) -> Iterator[tuple[str, int]]:
    """What is wrong with rows of `scores`, each fault with the number of rows that have it.

    genres: those that the model knows, None where the model cannot be asked.
    """
    rows = scores.num_rows
    lists = scores["top_k"].combine_chunks()
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    flat = lists.flatten()
    probability = flat.field("probability").to_numpy(zero_copy_only=False)
    named = flat.field("genre")
    row = np.repeat(np.arange(rows), lengths)
    confidence = scores["confidence"].to_numpy()
    yield "top_k is empty", int((lengths == 0).sum())
    out_of_range = ~((probability >= 0) & (probability <= 1))
    yield "a probability is not between 0 and 1", _rows_with(out_of_range, row)
    yield "the confidence is not between 0 and 1", int((~((confidence >= 0) & (confidence <= 1))).sum())
    yield "the probabilities do not sum to 1", int(_wrong_sums(probability, row, lengths, genres).sum())
    yield "top_k is not sorted", _rows_with((np.diff(probability) > 0) & (np.diff(row) == 0), row[1:])
    yield "top_k names a genre twice", _twice(named, row)
    if genres is not None:
        yield "a genre is none of the model's", _rows_with(~np.asarray(pc.is_in(named, pa.array(genres))), row)
        yield "top_k is too short or too long", int((lengths != min(GENRES_KEPT, len(genres))).sum())
    yield from _wrong_beside(scores, probability, named, lengths)


def _wrong_sums(
    probability: npt.NDArray[np.float32],
    row: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int32],
    genres: Sequence[str] | None,
) -> Mask:
    sums = np.bincount(row, probability.astype(np.float64), minlength=len(lengths))
    whole = lengths < GENRES_KEPT if genres is None else lengths == len(genres)
    return ~(sums <= 1 + SUM_TOLERANCE) | (whole & ~(sums >= 1 - SUM_TOLERANCE))


def _wrong_beside(
    scores: pa.Table, probability: npt.NDArray[np.float32], named: pa.Array, lengths: npt.NDArray[np.int32]
) -> Iterator[tuple[str, int]]:
    """Faults of the columns beside `top_k`."""
    known = lengths > 0
    first = (np.cumsum(lengths) - lengths)[known]
    yield (
        "the confidence is not that of the first genre",
        int((scores["confidence"].to_numpy()[known] != probability[first]).sum()),
    )
    genre = scores["genre"].combine_chunks()
    other = pc.not_equal(genre.filter(pa.array(known)), named.take(pa.array(first)))
    yield "the genre is not the first of top_k", int(pc.sum(other).as_py() or 0)
    silent = np.asarray(pc.is_null(genre))
    yield "abstained and the genre do not agree", int((silent != np.asarray(scores["abstained"])).sum())
    yield "there are no segments", int((scores["segments"].to_numpy() < 1).sum())
    for column in ("duration_s", "window_start_s"):
        values = scores[column].to_numpy()
        yield f"{column} is no time", int((~(np.isfinite(values) & (values >= 0))).sum())


def _rows_with(wrong: Mask, row: npt.NDArray[np.int64]) -> int:
    return len(np.unique(row[wrong]))


def _twice(named: pa.Array, row: npt.NDArray[np.int64]) -> int:
    """Rows that name a genre more than once."""
    names = named.dictionary_encode()
    codes = names.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    pairs = np.sort(row * max(1, len(names.dictionary)) + codes)
    return len(np.unique(pairs[1:][np.diff(pairs) == 0] // max(1, len(names.dictionary))))
