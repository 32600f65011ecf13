"""`evaluate`: how good a bundle's answers are on labelled tracks."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.corpora import LabelledTrack, read_corpus
from genre_batch.errors import UsageError
from genre_batch.evaluation.abstention import GenreAnswers, answered, genre_answers, share
from genre_batch.evaluation.answers import Answers, answer
from genre_batch.evaluation.intervals import Interval, grouped_bootstrap
from genre_batch.evaluation.metrics import Metrics, log_loss, macro_f1, measure
from genre_batch.evaluation.mistakes import Mistake, worst_mistakes
from genre_batch.evaluation.reliability import ReliabilityBin, calibration_error, reliability
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.manifest import BundleManifest

_KNOWN = (
    "{known} of {scored} tracks were in this bundle's training data, so these figures say nothing about new music; "
    "the model card has the figures for tracks that were held out"
)
_LEAKY = (
    "LEAKY: this bundle was made with pieces of one track on both sides of its split: the figures of its card are "
    "leaky and say nothing about new music"
)


class EvaluationReport(BaseModel):
    """What `evaluate` found. `metrics` are over the tracks that could be scored, whether the model abstains or not.

    rejects: bad tracks by reason. trained_on_this_data: some of the tracks were learned from. leaky: the bundle's own
    figures come from a leaky split. `note` says what either means. groups: artists, each track without one counted as
    its own; accuracy_interval and macro_f1_interval: 95 %, by drawing artists anew. answered: share of scored tracks
    on which the model does not abstain; answered_accuracy: accuracy on those, null where there is none. Expected
    calibration error, log loss (nats) and reliability before (temperature 1) and after the bundle's temperature.
    curves: figures by epoch of the bundle's training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    bundle: str
    model_id: str
    fingerprint: str
    classifier: str
    source: str
    listed: int
    rejected: int
    rejects: dict[str, int]
    trained_on_this_data: bool
    leaky: bool
    note: str | None
    groups: int
    accuracy_interval: Interval
    macro_f1_interval: Interval
    answered: float
    answered_accuracy: float | None
    answers_by_genre: dict[str, GenreAnswers]
    temperature: float
    ece_before: float
    ece_after: float
    log_loss_before: float
    log_loss_after: float
    reliability_before: list[ReliabilityBin]
    reliability_after: list[ReliabilityBin]
    metrics: Metrics
    worst_mistakes: list[Mistake]
    curves: dict[str, list[float]]

    def summary(self) -> str:
        """A few lines for a terminal."""
        metrics = self.metrics
        auc = "undefined" if metrics.roc_auc is None else f"{metrics.roc_auc:.3f}"
        text = (
            f"{self.model_id} on {metrics.tracks} tracks of {self.source} ({self.rejected} rejected)\n"
            f"accuracy {metrics.accuracy:.3f}{_range(self.accuracy_interval)}, "
            f"macro F1 {metrics.macro_f1:.3f}{_range(self.macro_f1_interval)}, "
            f"top 3 {metrics.top_3_accuracy:.3f}, ROC-AUC {auc}\n"
            f"log loss {metrics.log_loss:.3f}, squared error {metrics.mean_squared_error:.4f}, "
            f"calibration error {self.ece_before:.3f} before and {self.ece_after:.3f} after its temperature\n"
            f"true genres by line, answers by column in the same order:\n{metrics.confusion_table()}"
        )
        return f"{text}\nNote: {self.note}." if self.note else text


def evaluate(bundle_uri: str, source: str) -> EvaluationReport:
    """Score the labelled tracks of `source` with the bundle's own front end, in this process, and measure the answers.

    Raises UsageError where the bundle or the corpus cannot be used: a genre that the bundle does not know, or no
    readable track.
    """
    bundle = load_bundle(bundle_uri)
    tracks = read_corpus(source)
    _check_genres(tracks, bundle)
    answers = answer(tracks, bundle)
    if not answers.tracks:
        raise UsageError(f"no labelled track of {source} can be scored", f"reasons: {dict(answers.rejects)}")
    return report_on(answers, bundle, source, listed=len(tracks))


def report_on(answers: Answers, bundle: Bundle, source: str, *, listed: int) -> EvaluationReport:
    """The report of a bundle's answers to at least one track; `listed` tracks had a label in `source`."""
    manifest, labels = bundle.manifest, answers.labels
    genres, temperature = manifest.taxonomy.genres, manifest.calibration.temperature
    plain, calibrated = answers.probabilities(1.0), answers.probabilities(temperature)
    best, groups = calibrated.argmax(axis=1), [track.group for track in answers.tracks]
    given = answered(calibrated, manifest.thresholds, genres)
    before, after = reliability(plain, labels), reliability(calibrated, labels)
    metrics = measure(calibrated, labels, genres)
    return EvaluationReport(
        bundle=bundle.uri,
        model_id=bundle.model_id,
        fingerprint=bundle.fingerprint,
        classifier=manifest.architecture.name,
        source=source,
        listed=listed,
        rejected=answers.rejects.total(),
        rejects=dict(answers.rejects),
        trained_on_this_data=bool(answers.known.any()),
        leaky=manifest.leaky,
        note=_note(answers, manifest),
        groups=len(set(groups)),
        accuracy_interval=grouped_bootstrap(lambda rows: float((best[rows] == labels[rows]).mean()), groups),
        macro_f1_interval=grouped_bootstrap(lambda rows: macro_f1(best[rows], labels[rows]), groups),
        answered=float(given.mean()),
        answered_accuracy=share(best[given] == labels[given]),
        answers_by_genre=genre_answers(calibrated, labels, manifest.thresholds, genres),
        temperature=temperature,
        ece_before=calibration_error(before),
        ece_after=calibration_error(after),
        log_loss_before=log_loss(plain, labels),
        log_loss_after=metrics.log_loss,
        reliability_before=before,
        reliability_after=after,
        metrics=metrics,
        worst_mistakes=worst_mistakes(calibrated, labels, answers.tracks, genres),
        curves=manifest.curves,
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


def _note(answers: Answers, manifest: BundleManifest) -> str | None:
    known = int(answers.known.sum())
    notes = [_KNOWN.format(known=known, scored=len(answers.tracks))] if known else []
    return "; ".join([*notes, *([_LEAKY] if manifest.leaky else [])]) or None


def _range(interval: Interval) -> str:
    return "" if interval.low is None else f" ({interval.low:.3f} to {interval.high:.3f})"
