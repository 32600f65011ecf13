"""The answers of a bundle to labelled tracks, computed in this process with the bundle's own front end."""

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_batch.catalog.corpora import LabelledTrack, read_track
from genre_batch.catalog.reject import Reject, TrackRejected, printable
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.features.segments import Segments
from genre_batch.model.bundle import Bundle, sha256_hex
from genre_batch.model.golden import check_probabilities, check_segments
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Floats, Labels, pooled_answers
from genre_batch.model.segment_answers import SegmentAnswers, ask

TRACK_DEADLINE_S = 60.0
"""The time for one track, without reading its bytes."""

_BATCH_TRACKS = 32


@dataclass(frozen=True, slots=True)
class BundleAnswers:
    """The answers to the `tracks` [n] that could be scored.

    logits: [n_segments, n_genres]. track_rows: [n_segments] int32, the track of each segment. labels: [n], the true
    genres, those of the bundle unless `answer_tracks` was given others. known: [n], whether the bundle was trained on
    the same bytes. rejects: the number of other tracks by reason. loudness: [n_segments], None if pooling does not
    weight by it. in_scope: [n], None if the bundle has no such score.
    """

    tracks: list[LabelledTrack]
    logits: Floats
    track_rows: npt.NDArray[np.int32]
    labels: Labels
    known: npt.NDArray[np.bool_]
    rejects: Counter[str]
    loudness: Floats | None = None
    in_scope: Floats | None = None

    def probabilities(self, temperature: float) -> Floats:
        """Pooled probabilities [n, n_genres] at a calibration temperature."""
        return pooled_answers(self.logits, self.loudness, self.track_rows, len(self.tracks), temperature)


@dataclass(frozen=True, slots=True)
class _Extracted:
    """The segments of a labelled track. known: whether the bundle was trained on the same bytes."""

    labelled: LabelledTrack
    segments: Segments
    known: bool


def answer_tracks(
    tracks: Sequence[LabelledTrack], bundle: Bundle, genres: Sequence[str] | None = None
) -> BundleAnswers:
    """The answers to `tracks`, whose genres must be in `genres`, by default those of the bundle.

    Raises UsageError if its weights cannot be used, UserError if its answers differ from its golden vectors.
    """
    manifest, predictor, rejects = bundle.manifest, open_predictor(bundle), Counter[str]()
    names = manifest.taxonomy.genres if genres is None else genres
    check_segments(bundle)
    check_probabilities(bundle, predictor)
    logits, loudness = [np.empty((0, len(manifest.taxonomy.genres)), np.float32)], [np.empty(0, np.float32)]
    counts, extracted, in_scope = list[int](), list[_Extracted](), [np.empty(0, np.float32)]
    with closing(SandboxedFrontEnd(manifest.front_end, TRACK_DEADLINE_S)) as front_end:
        for start in range(0, len(tracks), _BATCH_TRACKS):
            outcomes = [_extract(labelled, manifest, front_end) for labelled in tracks[start : start + _BATCH_TRACKS]]
            rejects.update(outcome.reason.value for outcome in outcomes if isinstance(outcome, Reject))
            batch = [outcome for outcome in outcomes if isinstance(outcome, _Extracted)]
            if batch:
                answers = ask(predictor, np.concatenate([track.segments for track in batch]))
                logits.append(answers.logits)
                in_scope.append(_in_scope(answers, [len(track.segments) for track in batch], manifest))
            loudness += [manifest.front_end.loudness(track.segments) for track in batch]
            counts += [len(track.segments) for track in batch]
            extracted += [_Extracted(track.labelled, track.segments[:0], track.known) for track in batch]
    return BundleAnswers(
        tracks=[track.labelled for track in extracted],
        logits=np.concatenate(logits),
        track_rows=np.repeat(np.arange(len(extracted), dtype=np.int32), counts),
        labels=np.array([names.index(track.labelled.genre) for track in extracted], np.int64),
        known=np.array([track.known for track in extracted], np.bool_),
        rejects=rejects,
        loudness=np.concatenate(loudness) if manifest.pooling == "loud_logits" else None,
        in_scope=np.concatenate(in_scope) if manifest.scope is not None else None,
    )


def _extract(labelled: LabelledTrack, manifest: BundleManifest, front_end: SandboxedFrontEnd) -> _Extracted | Reject:
    try:
        data = read_track(labelled)
        segments = front_end.extract(labelled.track, lambda start, length: data[start : start + length]).segments
    except TrackRejected as rejected:
        sys.stderr.write(f"skipped {printable(labelled.track.uri)}: {rejected.reject.message}\n")
        return rejected.reject
    return _Extracted(labelled, segments, sha256_hex(data)[:16] in manifest.trained_on)


def _in_scope(answers: SegmentAnswers, counts: Sequence[int], manifest: BundleManifest) -> Floats:
    """`in_scope` [n] of tracks with so many segments each; empty if the bundle has no such score."""
    if manifest.scope is None or answers.distances is None:
        return np.empty(0, np.float32)
    rows = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    return manifest.scope.of_tracks(answers.logits, answers.distances, rows, len(counts))
