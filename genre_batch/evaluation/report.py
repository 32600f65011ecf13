"""`evaluate`: how good a bundle's answers are on labelled tracks."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.corpora import LabelledTrack, read_corpus
from genre_batch.catalog.reject import Reject, RejectReason, Stage, TrackRejected
from genre_batch.errors import UsageError
from genre_batch.evaluation.metrics import Metrics, measure
from genre_batch.features.front_end import Segments
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.model.bundle import Bundle, load_bundle, sha256_hex
from genre_batch.model.calibration import Floats, softmax
from genre_batch.model.golden import GivesLogits
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.pooling import pool
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import StorageError

_BATCH_TRACKS = 32
_DEADLINE_S = 60.0
_NOTE = (
    "{known} of {scored} tracks were in this bundle's training data, so these figures say nothing about new music; "
    "the model card has the figures for artists that the model never heard"
)


class EvaluationReport(BaseModel):
    """What `evaluate` found. `metrics` are over the tracks that could be scored, whether the model abstains or not.

    answered: share of scored tracks on which it does not abstain; answered_accuracy: accuracy on those, null where
    there is none. rejects: bad tracks by reason. trained_on_this_data: some of the tracks were learned from; `note`
    then says what that means.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    bundle: str
    model_id: str
    fingerprint: str
    source: str
    listed: int
    rejected: int
    rejects: dict[str, int]
    trained_on_this_data: bool
    note: str | None
    answered: float
    answered_accuracy: float | None
    metrics: Metrics

    def summary(self) -> str:
        """A few lines for a terminal."""
        metrics = self.metrics
        text = (
            f"{self.model_id} on {metrics.tracks} tracks of {self.source} ({self.rejected} rejected)\n"
            f"accuracy {metrics.accuracy:.3f}, macro F1 {metrics.macro_f1:.3f}, top 3 {metrics.top_3_accuracy:.3f}, "
            f"log loss {metrics.log_loss:.3f}, calibration error {metrics.expected_calibration_error:.3f}\n"
            f"true genres by line, answers by column in the same order:\n{metrics.confusion_table()}"
        )
        return f"{text}\nNote: {self.note}." if self.note else text


@dataclass(frozen=True, slots=True)
class _Heard:
    """A labelled track that has segments; `known` where the bundle was trained on the same bytes."""

    label: int
    segments: Segments
    known: bool


@dataclass(frozen=True, slots=True)
class _Answers:
    """Of the tracks that could be scored: probabilities [n, n_genres], true labels [n], and whether trained on [n]."""

    probabilities: Floats
    labels: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]
    rejects: Counter[str]


def evaluate(bundle_uri: str, source: str) -> EvaluationReport:
    """Score the labelled tracks of `source` with the bundle's own front end, in this process, and measure the answers.

    Raises UsageError where the bundle or the corpus cannot be used: a genre that the bundle does not know, or no
    readable track.
    """
    bundle = load_bundle(bundle_uri)
    tracks = list(read_corpus(source))
    _check_genres(tracks, bundle)
    answers = _score(tracks, bundle)
    if not len(answers.labels):
        raise UsageError(f"no labelled track of {source} can be scored", f"reasons: {dict(answers.rejects)}")
    known, scored = int(answers.known.sum()), len(answers.labels)
    answered = _answered(answers.probabilities, bundle.manifest)
    right = answers.probabilities.argmax(axis=1) == answers.labels
    return EvaluationReport(
        bundle=bundle_uri,
        model_id=bundle.model_id,
        fingerprint=bundle.fingerprint,
        source=source,
        listed=len(tracks),
        rejected=answers.rejects.total(),
        rejects=dict(answers.rejects),
        trained_on_this_data=known > 0,
        note=_NOTE.format(known=known, scored=scored) if known else None,
        answered=float(answered.mean()),
        answered_accuracy=float(right[answered].mean()) if answered.any() else None,
        metrics=measure(answers.probabilities, answers.labels, bundle.manifest.taxonomy.genres),
    )


def _check_genres(tracks: Sequence[LabelledTrack], bundle: Bundle) -> None:
    genres = bundle.manifest.taxonomy.genres
    unknown = sorted({labelled.genre for labelled in tracks} - set(genres))
    if unknown:
        raise UsageError(
            f"the model bundle {bundle.uri} does not know the genre {unknown[0]!r}"
            + (f" and {len(unknown) - 1} more of the corpus" if len(unknown) > 1 else ""),
            f"it knows {', '.join(genres)}; rename or remove the others",
        )


def _score(tracks: Sequence[LabelledTrack], bundle: Bundle) -> _Answers:
    # torch is loaded here and not with the module: the command line reads this module's settings without it.
    from genre_batch.model.predictor import Predictor

    manifest, predictor, rejects = bundle.manifest, Predictor(bundle), Counter[str]()
    parts, heard = [np.empty((0, len(manifest.taxonomy.genres)), np.float32)], list[tuple[int, bool]]()
    with closing(SandboxedFrontEnd(manifest.front_end, _DEADLINE_S)) as front_end:
        for start in range(0, len(tracks), _BATCH_TRACKS):
            outcomes = [_hear(labelled, manifest, front_end) for labelled in tracks[start : start + _BATCH_TRACKS]]
            rejects.update(outcome.reason.value for outcome in outcomes if isinstance(outcome, Reject))
            batch = [outcome for outcome in outcomes if isinstance(outcome, _Heard)]
            heard += [(track.label, track.known) for track in batch]
            if batch:
                parts.append(_pooled([track.segments for track in batch], manifest, predictor))
    labels, known = np.array([label for label, _ in heard], np.int64), np.array([known for _, known in heard], np.bool_)
    return _Answers(np.concatenate(parts), labels, known, rejects)


def _hear(labelled: LabelledTrack, manifest: BundleManifest, front_end: SandboxedFrontEnd) -> _Heard | Reject:
    try:
        data = _read(labelled)
        segments = front_end.extract(labelled.track, lambda start, length: data[start : start + length]).segments
    except TrackRejected as rejected:
        return rejected.reject
    known = sha256_hex(data)[:16] in manifest.trained_on
    return _Heard(manifest.taxonomy.genres.index(labelled.genre), segments, known)


def _read(labelled: LabelledTrack) -> bytes:
    uri = labelled.track.uri
    try:
        return open_store(uri).read(uri, etag=labelled.track.etag or None)
    except StorageError as error:
        raise TrackRejected(RejectReason.READ_FAILED, Stage.READ, str(error)) from error


def _pooled(segments: Sequence[Segments], manifest: BundleManifest, predictor: GivesLogits) -> Floats:
    rows = np.repeat(np.arange(len(segments), dtype=np.int32), [len(cut) for cut in segments])
    probabilities = softmax(predictor.logits(np.concatenate(segments)), manifest.calibration.temperature)
    return pool(probabilities, rows, len(segments))


def _answered(probabilities: Floats, manifest: BundleManifest) -> npt.NDArray[np.bool_]:
    thresholds = np.array([manifest.thresholds.get(genre, 0.0) for genre in manifest.taxonomy.genres])
    answered: npt.NDArray[np.bool_] = probabilities.max(axis=1) >= thresholds[probabilities.argmax(axis=1)]
    return answered
