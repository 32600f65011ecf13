"""`evaluate`: the report of a bundle on labelled tracks, with its most confident mistakes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from genre_batch.catalog.corpora import LabelledTrack, read_corpus
from genre_batch.errors import UsageError
from genre_batch.evaluation.abstention import GenreAnswers, answer_intervals, answered, genre_answers, share
from genre_batch.evaluation.bundle_answers import BundleAnswers, answer_tracks
from genre_batch.evaluation.genre_intervals import GenreIntervals, genre_intervals, recall_table
from genre_batch.evaluation.genre_map import map_genres, map_to_new_labels, read_genre_map
from genre_batch.evaluation.intervals import Interval
from genre_batch.evaluation.metric_intervals import calibration_interval, loss_interval, metric_intervals
from genre_batch.evaluation.metrics import (
    METRICS,
    Metrics,
    ReliabilityBin,
    calibration_error,
    log_loss,
    measure,
    reliability,
)
from genre_batch.evaluation.mistakes import Mistake, worst_mistakes
from genre_batch.model.bundle import DEFAULT_BUNDLE, Bundle, BundleLocation, load_bundle
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.taxonomy_map import TaxonomyMap, chosen_map
from genre_batch.notices import waiting_for
from genre_batch.storage.open_store import UriOrPath
from genre_batch.wording import plural


class EvaluateConfig(BaseModel):
    """Settings of `genre-batch evaluate`.

    html: the page with charts to write, null for none. genre_map: a YAML file with the model's genre for each genre of
    the corpus, null to leave its tracks out. taxonomy: a CSV file that maps the labels of the model to others, as that
    of `publish`: the others are measured. parents: measure the parents that the file names. min_precision,
    min_in_scope: as in `ScoreConfig`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    bundle: BundleLocation = DEFAULT_BUNDLE
    source: UriOrPath
    html: UriOrPath | None = None
    genre_map: UriOrPath | None = None
    taxonomy: UriOrPath | None = None
    parents: bool = False
    min_precision: float | None = Field(default=None, gt=0.0, lt=1.0)
    min_in_scope: float | None = Field(default=None, gt=0.0, lt=1.0)


@dataclass(frozen=True, slots=True)
class ListedMetric:
    """A metric as people read it. detail: its interval, its value before calibration, or what it measures."""

    title: str
    value: str
    detail: str


class EvaluationReport(BaseModel):
    """The outcome of `evaluate`. `metrics` are over all tracks that could be scored, whether the model abstains or not.

    rejects: the other tracks by reason. trained_on_this_data: the bundle was trained on some of the tracks. leaky: the
    bundle's own figures come from a leaky split. note: what either means. groups: the number of artists; a track
    without one counts as its own. accuracy_interval, macro_f1_interval, intervals (by name: those of the other metrics,
    of answered, answered_accuracy, ece_before and log_loss_before): 95 %, by resampling artists. intervals_by_genre:
    those of precision, recall and F1, with the number of artists. left_out: tracks that the map of genres leaves out.
    taxonomy: the map to the labels that were measured, null for the model's own.
    answered: the share of scored tracks on which the model does not abstain; answered_accuracy: the accuracy on those,
    null if there are none. Expected calibration error, log loss (nats) and reliability come before (at temperature 1)
    and after the bundle's temperature. curves: figures by epoch of the bundle's training.
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
    intervals: dict[str, Interval]
    intervals_by_genre: dict[str, GenreIntervals]
    left_out: int
    taxonomy: str | None
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

    def listed_metrics(self) -> Iterator[ListedMetric]:
        """Every metric, in the order of `METRICS`."""
        intervals = self.intervals | {"accuracy": self.accuracy_interval, "macro_f1": self.macro_f1_interval}
        before = {"expected_calibration_error": "ece_before", "log_loss": "log_loss_before"}
        for metric in METRICS:
            interval = intervals.get(metric.name)
            detail = metric.note if interval is None else interval.text(metric.text)
            if metric.name in before:
                earlier = intervals[before[metric.name]]
                detail += f"; before calibration: {metric.text(earlier.mean)}, {earlier.text(metric.text)}"
            yield ListedMetric(metric.title, metric.text(getattr(self.metrics, metric.name)), detail)

    def answered_lines(self) -> Iterator[tuple[str, str, str]]:
        """How many tracks are answered and how many of those right: title, value, interval."""
        for name, title, value in (
            ("answered", "answered", self.answered),
            ("answered_accuracy", "right of those", self.answered_accuracy),
        ):
            interval = self.intervals.get(name)
            shown = "undefined" if value is None else f"{value:.3f}"
            yield title, shown, "no track" if interval is None else interval.text(lambda share: f"{share:.3f}")

    def summary(self) -> str:
        """The report as lines for a terminal."""
        tracks = plural(self.metrics.tracks, "track")
        lines = [f"{self.model_id} on {tracks} of {self.source} ({self.rejected:,} rejected)"]
        lines += [f"  {each.title:<18} {each.value:>9}  {each.detail}" for each in self.listed_metrics()]
        if self.answered < 1.0:
            lines += [f"  {name:<18} {value:>9}  {detail}" for name, value, detail in self.answered_lines()]
        if self.taxonomy:
            lines.insert(1, f"  {plural(len(self.metrics.genres), 'label')} of the taxonomy map {self.taxonomy}")
        if self.left_out:
            lines.insert(1, f"  {plural(self.left_out, 'track')} left out by the map of genres")
        lines += ["recognised, by true genre:", *recall_table(self.intervals_by_genre)]
        lines += ["true genres by line, answers by column in the same order:", self.metrics.confusion_table()]
        return "\n".join([*lines, f"Note: {self.note}."] if self.note else lines)


def evaluate(
    bundle_uri: str,
    source: str,
    min_precision: float | None = None,
    genre_map: str | None = None,
    min_in_scope: float | None = None,
    taxonomy: str | None = None,
    *,
    parents: bool = False,
) -> EvaluationReport:
    """Score the labelled tracks of `source` in this process, with the bundle's own front end, and measure the answers.

    genre_map, taxonomy, parents: as in `EvaluateConfig`. Raises UsageError if the bundle, a map or the corpus cannot be
    used: because of a genre that the bundle does not know, or because no track is readable.
    """
    with waiting_for("listing the labelled tracks"):
        bundle = load_bundle(bundle_uri).chosen(min_precision, min_in_scope=min_in_scope)
        genres, mapping = bundle.manifest.taxonomy.genres, chosen_map(taxonomy, parents=parents)
        names = mapping.new_labels(genres) if mapping else genres
        found = read_corpus(source)
        renamed = read_genre_map(genre_map) if genre_map else {}
        tracks = map_genres(found, renamed, list(dict.fromkeys([*genres, *names])))
        tracks = map_to_new_labels(tracks, mapping, genres) if mapping else tracks
    _check_genres(tracks, names, bundle)
    with waiting_for(f"scoring {plural(len(tracks), 'labelled track')}"):
        answers = answer_tracks(tracks, bundle, names)
    if not answers.tracks:
        raise UsageError(f"no labelled track of {source} can be scored", f"reasons: {dict(answers.rejects)}")
    left_out = len(found) - len(tracks)
    report = report_on(answers, bundle, source, listed=len(tracks), left_out=left_out, mapping=mapping)
    return report.model_copy(update={"taxonomy": taxonomy})


def report_on(
    answers: BundleAnswers,
    bundle: Bundle,
    source: str,
    *,
    listed: int,
    left_out: int = 0,
    mapping: TaxonomyMap | None = None,
) -> EvaluationReport:
    """The report of a bundle's answers to at least one track.

    listed: the labelled tracks of `source`, without those that a map of genres leaves out. mapping: to the labels that
    the answers are measured by. The model abstains by its own genres, as it does when a publication is relabelled.
    """
    manifest, labels, thresholds = bundle.manifest, answers.labels, bundle.manifest.thresholds
    genres, temperature = manifest.taxonomy.genres, manifest.calibration.temperature
    plain, calibrated = answers.probabilities(1.0), answers.probabilities(temperature)
    given = answered(calibrated, thresholds, genres)
    if bundle.min_in_scope is not None and answers.in_scope is not None:
        given &= answers.in_scope >= bundle.min_in_scope
    if mapping:
        plain, calibrated = mapping.sums(plain, genres), mapping.sums(calibrated, genres)
        genres, thresholds = mapping.new_labels(genres), {}
    best, groups = calibrated.argmax(axis=1), [track.group for track in answers.tracks]
    before, after = reliability(plain, labels), reliability(calibrated, labels)
    metrics, intervals = measure(calibrated, labels, genres), metric_intervals(calibrated, labels, genres, groups)
    right, every = best == labels, np.ones(len(labels), np.bool_)
    shares = {"answered": (given, every), "answered_accuracy": (right, given)}
    besides = answer_intervals(shares, np.asarray(groups)) | {
        "ece_before": calibration_interval(plain, labels, groups),
        "log_loss_before": loss_interval(plain, labels, groups),
    }
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
        accuracy_interval=intervals.pop("accuracy"),
        macro_f1_interval=intervals.pop("macro_f1"),
        intervals=intervals | besides,
        intervals_by_genre=genre_intervals(best, labels, groups, genres),
        left_out=left_out,
        taxonomy=None,
        answered=float(given.mean()),
        answered_accuracy=share(right[given]),
        answers_by_genre=genre_answers(calibrated, labels, given, thresholds, genres, groups),
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


def _check_genres(tracks: Sequence[LabelledTrack], genres: Sequence[str], bundle: Bundle) -> None:
    if len(genres) < 2:
        raise UsageError(
            f"the taxonomy map makes one label of all genres: {genres[0]!r}", "there is nothing to measure"
        )
    unknown = sorted({labelled.genre for labelled in tracks} - set(genres))
    if unknown:
        raise UsageError(
            f"the model bundle {bundle.uri} does not know the genre {unknown[0]!r}"
            + (f" and {len(unknown) - 1} more of the corpus" if len(unknown) > 1 else ""),
            f"it knows {', '.join(genres)}; rename or remove the others, or map them: --map FILE",
        )


def _note(answers: BundleAnswers, manifest: BundleManifest) -> str | None:
    """What makes the figures dishonest, if anything."""
    known, notes = int(answers.known.sum()), []
    if known:
        notes.append(
            f"this bundle was trained on {known:,} of {plural(len(answers.tracks), 'track')}, so these figures say "
            "nothing about new music; the model card has the figures for held-out tracks"
        )
    if manifest.leaky:
        notes.append(
            "LEAKY: this bundle was made with pieces of one track on both sides of its split: the figures of its card "
            "are leaky and say nothing about new music"
        )
    return "; ".join(notes) or None
