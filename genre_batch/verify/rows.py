"""Checks the rows of a shard: whether they are those of its tracks, belong to its run, and have possible values."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.reject import RejectReason, RejectStage, printable
from genre_batch.catalog.track_table import FACTS
from genre_batch.model.scores import SUM_TOLERANCE
from genre_batch.sink.run_facts import RunFacts
from genre_batch.sink.schema import descriptors_among
from genre_batch.sink.tables import drop_tracks, one_row_per_track

Fault = tuple[str, int]
"""What is wrong, and the number of affected tracks."""


def wrong_facts(table: pa.Table, run: RunFacts) -> Iterator[Fault]:
    """Faults in the columns that are the same for the whole run."""
    expected = {"run_id": run.run_id, "event_timestamp": run.planned_at, "created_timestamp": run.planned_at}
    if "fingerprint" in table.column_names:
        expected["fingerprint"] = run.fingerprint
    for name, value in expected.items():
        other = pc.not_equal(table[name], pa.scalar(value, table[name].type))
        yield f"{name} is not that of the run", pc.sum(other).as_py() or 0


def wrong_tracks(answers: pa.Table, rejects: pa.Table | None, tracks: pa.Table | None) -> Iterator[Fault]:
    """Faults in the set of tracks that the rows are about. tracks: the listed ones, None if they are not known."""
    tables = [one_row_per_track(answers)] if rejects is None else [one_row_per_track(answers), rejects]
    for rows in tables:
        yield "rows are not in the order of the listing", unsorted(rows["track_id"])
    found = pa.concat_tables([rows.select(FACTS) for rows in tables])
    yield "tracks have more than one outcome", found.num_rows - _distinct(found)
    if tracks is None:
        return
    yield "listed tracks have no outcome", _distinct(drop_tracks(tracks, found["track_id"]))
    strangers = drop_tracks(found, tracks["track_id"])
    yield "rows are not of a listed track", _distinct(strangers)
    unlike = found.filter(pc.invert(pc.is_in(_as_text(found), value_set=_as_text(tracks))))
    yield "rows have another etag, uri or size than the listing", _distinct(unlike) - _distinct(strangers)


def unsorted(ids: pa.ChunkedArray, *, unique: bool = False) -> int:
    """How many of `ids` are less than the one before or, with `unique`, equal to it."""
    wrong = (pc.less_equal if unique else pc.less)(ids[1:], ids[:-1])
    return pc.sum(wrong).as_py() or 0


def wrong_rejects(rejects: pa.Table) -> Iterator[Fault]:
    """Faults in the values of rejects."""
    for name, known in (("reason", RejectReason), ("stage", RejectStage)):
        inside = pc.is_in(rejects[name], pa.array([str(value) for value in known]))
        yield f"the {name} is unknown", rejects.num_rows - (pc.sum(inside).as_py() or 0)
    yield "there were no attempts", pc.sum(pc.less(rejects["attempts"], 1)).as_py() or 0
    messages = rejects["message"].to_pylist()
    yield "the message is not printable", sum(printable(message) != message for message in messages)


def _distinct(rows: pa.Table) -> int:
    return int(pc.count_distinct(rows["track_id"]).as_py())


def _as_text(rows: pa.Table) -> pa.ChunkedArray:
    """The listed facts of each track as one string; the lengths in front make it unambiguous."""
    columns = [rows[name] for name in ("track_id", "uri", "etag")]
    lengths = [pc.binary_length(column).cast(pa.string()) for column in columns]
    return pc.binary_join_element_wise(*lengths, *columns, rows["size_bytes"].cast(pa.string()), ":")


GENRES_KEPT = 10
"""The largest number of genres in `top_k`; a shorter list has all genres of the model."""

Mask = npt.NDArray[np.bool_]

_UNIT_TOLERANCE = 5e-3
"""Of the squared length of an embedding, whose values are rounded to half precision."""


def wrong_scores(scores: pa.Table, genres: Sequence[str] | None) -> Iterator[tuple[str, int]]:
    """Faults in the values of `scores`. genres: those of the model, None if they are not known."""
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
        yield "a genre is not one of the model's", _rows_with(~np.asarray(pc.is_in(named, pa.array(genres))), row)
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
    """Faults in the columns other than `top_k`."""
    known = lengths > 0
    first = (np.cumsum(lengths) - lengths)[known]
    yield (
        "the confidence is not the probability of the first genre",
        int((scores["confidence"].to_numpy()[known] != probability[first]).sum()),
    )
    genre = scores["genre"].combine_chunks()
    other = pc.not_equal(genre.filter(pa.array(known)), named.take(pa.array(first)))
    yield "the genre is not the first of top_k", int(pc.sum(other).as_py() or 0)
    silent = np.asarray(pc.is_null(genre))
    yield "abstained and the genre do not agree", int((silent != np.asarray(scores["abstained"])).sum())
    if "embedding" in scores.column_names:
        yield (
            "the embedding is not of unit length, or not as long as the others",
            _wrong_embeddings(scores["embedding"].combine_chunks()),
        )
    yield "there are no segments", int((scores["segments"].to_numpy() < 1).sum())
    for column in ("duration_s", "window_start_s"):
        values = scores[column].to_numpy()
        yield f"{column} is not a valid time", int((~(np.isfinite(values) & (values >= 0))).sum())


def _wrong_embeddings(embeddings: pa.ListArray) -> int:
    """How many embeddings are neither null, nor all zeros, nor of length 1; all must have as many values."""
    known = embeddings.drop_null()
    sizes = pc.list_value_length(known).to_numpy(zero_copy_only=False)
    row = np.asarray(pc.list_parent_indices(known), np.int64)
    squares = np.bincount(row, np.square(np.asarray(known.flatten(), np.float64)), minlength=len(known))
    wrong = ~((np.abs(squares - 1.0) <= _UNIT_TOLERANCE) | (squares == 0.0))
    return int((wrong | (sizes != sizes[:1]) | (sizes == 0)).sum())


def _rows_with(wrong: Mask, row: npt.NDArray[np.int64]) -> int:
    return len(np.unique(row[wrong]))


def _twice(named: pa.Array, row: npt.NDArray[np.int64]) -> int:
    """The number of rows that name a genre more than once."""
    names = named.dictionary_encode()
    codes = names.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    pairs = np.sort(row * max(1, len(names.dictionary)) + codes)
    return len(np.unique(pairs[1:][np.diff(pairs) == 0] // max(1, len(names.dictionary))))


_OF_SEGMENT = frozenset({"segment", "segment_start_s"})


def wrong_segments(features: pa.Table) -> Iterator[Fault]:
    """Faults in the order of rows: those of a track are its segments 0 to n - 1, in order of time.

    A fault counts the rows that do not continue the row before.
    """
    if features.num_rows == 0:
        return
    same = _equals_previous(features["track_id"])
    segment = features["segment"].to_numpy()
    expected = np.where(same, np.concatenate([[0], segment[:-1] + 1]), 0)
    yield "segments do not count from 0", int((segment != expected).sum())
    start_s = features["segment_start_s"].to_numpy()
    later = np.concatenate([[True], np.diff(start_s) > 0])
    yield "a segment does not start after the one before", int((same & ~later).sum())
    descriptors = descriptors_among(features.column_names)
    for name in (name for name in features.column_names if name not in _OF_SEGMENT.union(descriptors)):
        yield f"{name} changes within a track", int((same & ~_equals_previous(features[name])).sum())


def wrong_numbers(features: pa.Table) -> Iterator[Fault]:
    """Faults in the numbers of rows: times and descriptors."""
    for name in ("duration_s", "segment_start_s"):
        values = features[name].to_numpy()
        yield f"{name} is not a valid time", int((~(np.isfinite(values) & (values >= 0))).sum())
    for name in descriptors_among(features.column_names):
        finite = pc.sum(pc.is_finite(features[name])).as_py() or 0
        yield f"{name} is not finite", features.num_rows - finite


def _equals_previous(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Whether each value equals the one in the row before; False for the first."""
    codes = column.combine_chunks().dictionary_encode(null_encoding="encode").indices.to_numpy(zero_copy_only=False)
    return np.concatenate([[False], codes[1:] == codes[:-1]])
