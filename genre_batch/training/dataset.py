"""Labelled tracks become training examples by the code that scoring uses; unreadable tracks are set aside."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from genre_batch.catalog.corpora import LabelledTrack, read_track
from genre_batch.catalog.reject import Reject, TrackRejected
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.front_end_base import FramesFrontEnd
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.features.segments import Segments, cut_segments, standardise
from genre_batch.training.feature_cache import FeatureCache, Pieces

DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled track with its pieces (see `as_pieces`), and the `sha256` of the file's bytes."""

    labelled: LabelledTrack
    pieces: Pieces
    sha256: str


@dataclass(frozen=True, slots=True)
class SkippedTrack:
    """A labelled track that cannot be learned from, and the reason."""

    labelled: LabelledTrack
    reject: Reject


Extract = Callable[[Sequence[LabelledTrack], FrontEnd, Path], Iterator[Example | SkippedTrack]]
"""One outcome per track, in their order; computed features go to the `FeatureCache` in the folder."""


def extract_here(
    tracks: Sequence[LabelledTrack], front_end: FrontEnd, cache: Path, *, deadline_s: float = DEADLINE_S
) -> Iterator[Example | SkippedTrack]:
    """`Extract` in this process and its sandboxed child, one track after another."""
    features = FeatureCache(cache, front_end)
    with closing(SandboxedFrontEnd(front_end.whole(), deadline_s)) as extractor:
        for labelled in tracks:
            try:
                yield _example(labelled, front_end, extractor, features)
            except TrackRejected as rejected:
                yield SkippedTrack(labelled, rejected.reject)


def as_pieces(segments: Segments, front_end: FrontEnd) -> Pieces:
    """The pieces [n, rows, columns] of a track, from its `segments` as `front_end.whole()` cuts them.

    If the front end `trains_on_frames`, this is a single piece as long as the window, so that training can crop it
    anywhere; otherwise the pieces are the segments.
    """
    if front_end.trains_on_frames:
        return cast("Pieces", np.ascontiguousarray(segments[:, :, 0].T[None]))
    return cast("Pieces", np.ascontiguousarray(segments))


def as_segments(pieces: Pieces, front_end: FrontEnd) -> Segments:
    """The standardised segments [n, rows, columns] that scoring cuts from a track with these pieces."""
    if isinstance(front_end, FramesFrontEnd) and front_end.trains_on_frames:
        frames = pieces[0].astype(np.float32)
        cut = cut_segments(frames, front_end.segment_frames, front_end.segment_hop_frames)
    else:
        cut = pieces.astype(np.float32)
    return standardise(cut, front_end.mean, front_end.std, front_end.dtype)


def fit_standardisation(tracks: Sequence[Pieces]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each row, [rows], over all columns of the pieces [n, rows, columns] of tracks.

    A row that does not vary has deviation 1, as in scikit-learn's StandardScaler.
    """
    columns = sum(pieces.shape[0] * pieces.shape[2] for pieces in tracks)
    mean = sum(pieces.sum(axis=(0, 2), dtype=np.float64) for pieces in tracks) / columns
    squares = sum(np.square(pieces - mean[:, None], dtype=np.float64).sum(axis=(0, 2)) for pieces in tracks)
    std = np.sqrt(squares / columns)
    varies = std > 1e-7 * np.maximum(1.0, np.abs(mean))
    return mean.tolist(), np.where(varies, std, 1.0).tolist()


def _example(
    labelled: LabelledTrack, front_end: FrontEnd, extractor: SandboxedFrontEnd, cache: FeatureCache
) -> Example:
    track = labelled.track
    data = read_track(labelled)
    content = hashlib.sha256(data).hexdigest()
    pieces = cache.load(content, track.track_id)
    if pieces is None:
        segments = extractor.extract(track, lambda start, length: data[start : start + length]).segments
        pieces = as_pieces(segments, front_end)
        cache.save(content, track.track_id, pieces)
    return Example(labelled, pieces, content)
