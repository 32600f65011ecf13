"""The answers of a bundle to labelled tracks, found in this process with the bundle's own front end."""

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.reject import Reject, RejectReason, Stage, TrackRejected, printable
from genre_batch.evaluation.reliability import Labels
from genre_batch.features.front_end import Segments
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.model.bundle import Bundle, sha256_hex
from genre_batch.model.calibration import Floats, softmax
from genre_batch.model.golden import GivesLogits, check_probabilities, check_segments
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.pooling import pool
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import StorageError

DEADLINE_S = 60.0
"""Time that a track may take, not counting the reading of its bytes."""

_BATCH_TRACKS = 32


@dataclass(frozen=True, slots=True)
class Answers:
    """What the bundle answers to the `tracks` [n] that could be scored.

    logits: [n_segments, n_genres], and track_rows [n_segments] int32 the track of each. labels: [n], their true genres.
    known: [n], whether the bundle was trained on the same bytes. rejects: tracks that could not be scored, by reason.
    """

    tracks: list[LabelledTrack]
    logits: Floats
    track_rows: npt.NDArray[np.int32]
    labels: Labels
    known: npt.NDArray[np.bool_]
    rejects: Counter[str]

    def probabilities(self, temperature: float) -> Floats:
        """Pooled probabilities [n, n_genres] at a calibration temperature."""
        return pool(softmax(self.logits, temperature), self.track_rows, len(self.tracks))


@dataclass(frozen=True, slots=True)
class _Heard:
    """A labelled track that has segments; `known` where the bundle was trained on the same bytes."""

    labelled: LabelledTrack
    segments: Segments
    known: bool


def answer(tracks: Sequence[LabelledTrack], bundle: Bundle) -> Answers:
    """The answers to `tracks`, whose genres the bundle must know.

    Raises UsageError where its weights are of no use, UserError where it answers otherwise than when it was made.
    """
    manifest, predictor, rejects = bundle.manifest, open_predictor(bundle), Counter[str]()
    check_segments(bundle)
    check_probabilities(bundle, predictor)
    logits, counts, heard = [np.empty((0, len(manifest.taxonomy.genres)), np.float32)], list[int](), list[_Heard]()
    with closing(SandboxedFrontEnd(manifest.front_end, DEADLINE_S)) as front_end:
        for start in range(0, len(tracks), _BATCH_TRACKS):
            outcomes = [_hear(labelled, manifest, front_end) for labelled in tracks[start : start + _BATCH_TRACKS]]
            rejects.update(outcome.reason.value for outcome in outcomes if isinstance(outcome, Reject))
            batch = [outcome for outcome in outcomes if isinstance(outcome, _Heard)]
            logits += _logits(batch, predictor)
            counts += [len(track.segments) for track in batch]
            heard += [_Heard(track.labelled, track.segments[:0], track.known) for track in batch]
    return Answers(
        tracks=[track.labelled for track in heard],
        logits=np.concatenate(logits),
        track_rows=np.repeat(np.arange(len(heard), dtype=np.int32), counts),
        labels=np.array([manifest.taxonomy.genres.index(track.labelled.genre) for track in heard], np.int64),
        known=np.array([track.known for track in heard], np.bool_),
        rejects=rejects,
    )


def _hear(labelled: LabelledTrack, manifest: BundleManifest, front_end: SandboxedFrontEnd) -> _Heard | Reject:
    try:
        data = _read(labelled)
        segments = front_end.extract(labelled.track, lambda start, length: data[start : start + length]).segments
    except TrackRejected as rejected:
        sys.stderr.write(f"skipped {printable(labelled.track.uri)}: {rejected.reject.message}\n")
        return rejected.reject
    return _Heard(labelled, segments, sha256_hex(data)[:16] in manifest.trained_on)


def _read(labelled: LabelledTrack) -> bytes:
    uri = labelled.track.uri
    try:
        return open_store(uri).read(uri, etag=labelled.track.etag or None)
    except StorageError as error:
        raise TrackRejected(RejectReason.READ_FAILED, Stage.READ, str(error)) from error


def _logits(batch: Sequence[_Heard], predictor: GivesLogits) -> list[Floats]:
    return [predictor.logits(np.concatenate([track.segments for track in batch]))] if batch else []
