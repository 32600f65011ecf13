"""How the answers of the newest run differ from those of the published table before it."""

from collections import Counter

from pydantic import BaseModel, ConfigDict

from genre_batch.publish.gate import stability_terms
from genre_batch.publish.pointer import PublishedModel
from genre_batch.reports.run_tally import tally_files
from genre_batch.sink.finish import RunManifest
from genre_batch.storage.store import Store


class GenreDrift(BaseModel):
    """The share of a genre among the answers, published and of the run, and what it adds to the stability index."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    genre: str
    published: float
    run: float
    psi: float


class CatalogDrift(BaseModel):
    """The newest run against the published table of its model, without this run.

    against, answers: answered tracks there and in the run. genre_psi, confidence_psi: the population stability index of
    the genres and of the confidence in steps of a tenth. genres: by genre, those that add most first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run_id: str
    against: int
    answers: int
    genre_psi: float
    confidence_psi: float
    genres: tuple[GenreDrift, ...]


def drift_of(store: Store, output: str, manifest: RunManifest, table: PublishedModel) -> CatalogDrift | None:
    """The drift of the run against the published table; None if either has no answer. Reads the run's own files."""
    tally = tally_files(store, output, manifest.files)
    confidence = (tally.answered + tally.abstained).reshape(len(table.confidence), -1).sum(axis=1).tolist()
    genres, old, old_confidence = manifest.counts.genres, Counter(table.counts.genres), list(table.confidence)
    if manifest.plan.run_id in table.runs:
        old.subtract(genres)
        old_confidence = [before - now for before, now in zip(old_confidence, confidence, strict=True)]
    names = sorted({*genres, *old})
    expected, found = sum(old.values()), sum(genres.values())
    if expected <= 0 or found <= 0 or min(old_confidence) < 0:
        return None
    terms = stability_terms([(old[name], genres.get(name, 0)) for name in names])
    by_genre = [
        GenreDrift(genre=name, published=old[name] / expected, run=genres.get(name, 0) / found, psi=term)
        for name, term in zip(names, terms, strict=True)
    ]
    return CatalogDrift(
        run_id=manifest.plan.run_id,
        against=expected,
        answers=found,
        genre_psi=sum(terms),
        confidence_psi=sum(stability_terms(list(zip(old_confidence, confidence, strict=True)))),
        genres=tuple(sorted(by_genre, key=lambda each: (-each.psi, each.genre))),
    )
