"""The figures of a whole catalog: what readers are served, and how it came to be."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from genre_batch.catalog.reject import printable
from genre_batch.catalog.source import user_errors
from genre_batch.errors import UsageError
from genre_batch.publish.pointer import Published, read_published
from genre_batch.publish.served import served_rows
from genre_batch.reports.catalog_drift import CatalogDrift, drift_of
from genre_batch.reports.catalog_tally import CatalogTally, ShownRows, tally_catalog
from genre_batch.reports.run_history import RunFigures, RunInHistory, newest_good, read_history
from genre_batch.sink.canary_record import CanaryCheck
from genre_batch.storage.open_store import absolute, open_store
from genre_batch.wording import plural


class GenreTracks(BaseModel):
    """The tracks answered with a genre, their share of the answers, and their mean confidence."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    genre: str
    tracks: int
    share: float
    mean_confidence: float


class UnansweredExample(BaseModel):
    """A track without an answer. message: what its newest reject says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    track_id: str
    uri: str
    message: str


class UnansweredTracks(BaseModel):
    """The tracks without an answer for one reason, and some of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    reason: str
    tracks: int
    examples: tuple[UnansweredExample, ...]


class UnsureTrack(BaseModel):
    """A track that was answered with little confidence."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    track_id: str
    uri: str
    genre: str
    confidence: float


class ModelRuns(BaseModel):
    """One model in the output. runs, scored: its finished runs among those listed, and their answers. newest: of them.

    published: whether its table is served by its name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    model_id: str
    runs: int
    scored: int
    newest: AwareDatetime
    published: bool


class CatalogReport(BaseModel):
    """What `genre-batch report OUTPUT` found. serving: whether the table was published, or has the rows of all runs.

    answered: tracks with an answer, those on which the model abstained included. unanswered: tracks that have none,
    by their newest reject. coverage: answered tracks among both. waiting: tracks of unfinished runs without an outcome.
    deleted: tracks that are withdrawn because they are gone from the catalog. confidence_answered,
    confidence_abstained: tracks by confidence, in bins of equal width from 0 to 1. runs: oldest first; older_runs: how
    many are not listed. canaries: the last check of the newest run that has one. page: the file that was written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: str
    model_id: str
    serving: Literal["published", "latest"]
    step: int | None
    published_at: AwareDatetime | None
    answered: int
    abstained: int
    unanswered: int
    coverage: float | None
    waiting: int
    deleted: int
    genres: tuple[GenreTracks, ...]
    confidence_answered: tuple[int, ...]
    confidence_abstained: tuple[int, ...]
    rejects: tuple[UnansweredTracks, ...]
    least_sure: tuple[UnsureTrack, ...]
    models: tuple[ModelRuns, ...]
    runs: tuple[RunFigures, ...]
    older_runs: int
    drift: CatalogDrift | None
    canaries: CanaryCheck | None
    page: str | None = None

    def summary(self) -> str:
        """The report as lines for a terminal."""
        share = "" if self.coverage is None else f" ({self.coverage:.1%})"
        answered = f"{plural(self.answered, 'track')} answered{share}, {self.abstained:,} of them without a genre"
        lines = [
            f"{self.model_id}, {self.serving}: {answered}",
            f"{self.unanswered:,} without an answer, {self.waiting:,} waiting, {self.deleted:,} withdrawn",
        ]
        lines += [f"  genre {printable(each.genre):<16} {each.tracks:>10,}" for each in self.genres]
        lines += [f"  reject {each.reason:<15} {each.tracks:>10,}" for each in self.rejects]
        if self.drift:
            drift = f"genres {self.drift.genre_psi:.3f}, confidence {self.drift.confidence_psi:.3f}"
            lines.append(f"drift of run {self.drift.run_id}, as PSI: {drift}")
        lines += self.canaries.changes() if self.canaries else []
        lines.append(f"{plural(len(self.runs) + self.older_runs, 'run')} of {plural(len(self.models), 'model')}")
        return "\n".join([*lines, *([f"page: {self.page}"] if self.page else [])])


def read_catalog(output: str, model: str | None = None) -> CatalogReport:
    """The figures of what readers of `output` are served, of the current model or of `model`.

    Raises UsageError if there is no table of scores or no such model, DamageFound if a file or record is damaged, and
    what the store raises.
    """
    uri = absolute(output)
    with user_errors():
        store = open_store(uri)
        served, published = served_rows(store, uri, model), read_published(store, uri)
        if served.table != "scores":
            raise UsageError(f"{output} serves {served.table}, not scores", "publish --model chooses what is served")
        history, older = read_history(store, uri)
        newest = newest_good(history, served.model)
        table = published.models.get(served.model) if published else None
        drift = drift_of(store, uri, newest, table) if newest and table else None
    return catalog_report(uri, published, history, tally_catalog(uri, served.model), served.model, older, drift)


def catalog_report(
    output: str,
    published: Published | None,
    history: Sequence[RunInHistory],
    tally: CatalogTally,
    model_id: str,
    older_runs: int,
    drift: CatalogDrift | None,
) -> CatalogReport:
    """The report from what was read."""
    answers, runs = tally.answers, tuple(each.figures(published) for each in history)
    unanswered, total = answers.reasons.total(), answers.genres.total()
    canaries = next((each.canaries for each in reversed(history) if each.canaries and each.canaries.checks), None)
    return CatalogReport(
        output=output,
        model_id=model_id,
        serving="published" if published and model_id in published.models else "latest",
        step=published.number if published else None,
        published_at=published.at if published else None,
        answered=answers.scored,
        abstained=int(answers.abstained.sum()),
        unanswered=unanswered,
        coverage=answers.scored / (answers.scored + unanswered) if answers.scored + unanswered else None,
        waiting=sum(run.left for run in runs if run.model_id == model_id),
        deleted=published.deleted_tracks if published else 0,
        genres=tuple(
            GenreTracks(
                genre=genre, tracks=tracks, share=tracks / total, mean_confidence=answers.mean_confidence(genre)
            )
            for genre, tracks in answers.by_frequency()
        ),
        confidence_answered=tuple(answers.answered.tolist()),
        confidence_abstained=tuple(answers.abstained.tolist()),
        rejects=_unanswered(answers.reasons, tally.examples),
        least_sure=tuple(UnsureTrack.model_validate(_only(row, UnsureTrack)) for row in tally.least_sure),
        models=_models(runs, published),
        runs=runs,
        older_runs=older_runs,
        drift=drift,
        canaries=canaries.checks[-1] if canaries else None,
    )


def _only(row: dict[str, object], kind: type[BaseModel]) -> dict[str, object]:
    return {name: row[name] for name in kind.model_fields}


def _unanswered(reasons: Counter[str], examples: dict[str, ShownRows]) -> tuple[UnansweredTracks, ...]:
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        UnansweredTracks(
            reason=reason,
            tracks=tracks,
            examples=tuple(
                UnansweredExample.model_validate(_only(row, UnansweredExample)) for row in examples.get(reason, [])
            ),
        )
        for reason, tracks in ordered
    )


def _models(runs: Sequence[RunFigures], published: Published | None) -> tuple[ModelRuns, ...]:
    """The models of finished runs, the one that ran last first."""
    found: dict[str, list[RunFigures]] = {}
    for run in reversed(runs):
        if run.finished:
            found.setdefault(run.model_id, []).append(run)
    return tuple(
        ModelRuns(
            model_id=model,
            runs=len(of_model),
            scored=sum(run.scored for run in of_model),
            newest=of_model[0].planned_at,
            published=bool(published and model in published.models),
        )
        for model, of_model in found.items()
    )
