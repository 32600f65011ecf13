"""How well `in_scope` of the default recipe separates music of its genres from other sound.

    python benchmarks/scope.py LABELLED WORK [--clips CLIPS --unknown NAME]

Leave one genre out: models that have not learned from a genre are asked about its tracks and about held-out tracks of
the others. CLIPS is a labelled folder of other music, whose genre NAME is music of none of the genres of LABELLED.
Prints a Markdown table of areas under the ROC curve; intervals are 95 %, by resampling artists. Features are kept below
WORK.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "NUMBA")}

import argparse
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from genre_batch.catalog.corpora import read_corpus
from genre_batch.config import load
from genre_batch.evaluation.intervals import LEAST_ARTISTS, Interval, grouped_bootstrap
from genre_batch.model.networks.settings import TrunkSettings
from genre_batch.model.scope import evidence_of, fit_scope
from genre_batch.model.scores import Floats, pool, softmax
from genre_batch.training.corpus import TrainingCorpus, read_training_corpus
from genre_batch.training.dataset import as_segments, extract_here
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.recipe_files import recipe_file
from genre_batch.training.splits import Rows, group_folds
from genre_batch.training.train_config import TrainConfig
from genre_batch.training.trunk_model import TrunkModel, fit_trunk

FOLDS = 5
SCORES = ("in_scope", "logsumexp", "distance", "confidence")


def evidence(model: TrunkModel, tracks: list[Pieces]) -> Floats:
    """The logsumexp, the distance and the confidence of each track, [n_tracks, 3]."""
    cut = [as_segments(pieces, model.front_end) for pieces in tracks]
    rows = np.repeat(np.arange(len(cut), dtype=np.int32), [len(segments) for segments in cut])
    segments = np.concatenate(cut)
    logits = model.logits(segments)
    columns = np.stack([evidence_of(logits), model.distances(segments)], axis=1)
    confidence = pool(softmax(logits), rows, len(cut)).max(axis=1)
    return np.column_stack([pool(columns, rows, len(cut)), confidence])


def areas(known: Floats, unknown: Floats, reference: Floats, groups: list[str]) -> list[Interval]:
    """The area under the ROC curve of each of SCORES; that of the first with its interval.

    reference: the evidence of held-out tracks of the genres. groups: the artists of the known, then the unknown tracks.
    """
    scope = fit_scope(reference[:, 0], reference[:, 1])
    every = np.concatenate([known, unknown])
    truth = np.arange(len(every)) < len(known)
    typical = scope.typicality(every[:, 0], every[:, 1])
    scores = typical, every[:, 0], -every[:, 1], every[:, 2]
    first, *others = (partial(_area, truth, score) for score in scores)
    plain = [Interval(mean=other(np.arange(len(every))), low=None, high=None) for other in others]
    if min(len(set(groups[: len(known)])), len(set(groups[len(known) :]))) < LEAST_ARTISTS:
        return [Interval(mean=first(np.arange(len(every))), low=None, high=None), *plain]
    return [grouped_bootstrap(first, groups), *plain]


def _area(truth: np.ndarray, score: Floats, rows: Rows) -> float:
    return float(roc_auc_score(truth[rows], score[rows])) if 0 < truth[rows].sum() < len(rows) else float("nan")


def artists(corpus: TrainingCorpus) -> list[str]:
    """The artist of each track."""
    return [labelled.group for labelled in corpus.tracks]


def fitted(config: TrainConfig, corpus: TrainingCorpus, rows: Rows) -> TrunkModel:
    """A model that learned from the tracks in `rows`."""
    assert isinstance(config.architecture, TrunkSettings)
    pieces, labels = [corpus.pieces[row] for row in rows], corpus.labels[rows]
    return fit_trunk(config.architecture, config.front_end, pieces, labels, corpus.genres, seed=0)


def held_out(config: TrainConfig, corpus: TrainingCorpus, strangers: list[Pieces]) -> tuple[Floats, Floats]:
    """The evidence of all tracks of the corpus, by models that did not learn from them, and of `strangers`.

    A stranger has one for each of the models, one model after the other.
    """
    inside, outside = np.zeros((len(corpus.labels), 3), np.float32), []
    for fold in group_folds(corpus.tracks, FOLDS, 0):
        model = fitted(config, corpus, fold.train)
        inside[fold.test] = evidence(model, [corpus.pieces[row] for row in fold.test])
        outside.append(evidence(model, strangers) if strangers else inside[:0])
    return inside, np.concatenate(outside)


def without(corpus: TrainingCorpus, genre: str) -> TrainingCorpus:
    """The corpus without the tracks of one genre."""
    kept = [each for each in corpus.examples if each.labelled.genre != genre]
    genres = [other for other in corpus.genres if other != genre]
    labels = np.array([genres.index(each.labelled.genre) for each in kept], np.int64)
    return replace(corpus, examples=kept, genres=genres, labels=labels)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labelled")
    parser.add_argument("work", type=Path)
    parser.add_argument("--clips")
    parser.add_argument("--unknown", default="out_of_scope")
    arguments = parser.parse_args()
    places = {"source": arguments.labelled, "output": str(arguments.work / "bundle")}
    config = load(TrainConfig, str(recipe_file("default")), (), places)

    def read(source: str) -> TrainingCorpus:
        features = arguments.work / "features"
        return read_training_corpus(read_corpus(source), config.front_end, extract_here, features, "skip")

    corpus, lines = read(arguments.labelled), dict[str, list[Interval]]()
    for number, genre in enumerate(corpus.genres):
        rest, places = without(corpus, genre), np.flatnonzero(corpus.labels == number)
        inside, outside = held_out(config, rest, [corpus.pieces[row] for row in places])
        theirs = [artists(corpus)[row] for row in places]
        name = f"without {genre} ({len(set(theirs))} artists)"
        lines[name] = areas(inside, outside, inside, artists(rest) + theirs * FOLDS)
    means = np.mean([[area.mean for area in line] for line in lines.values()], axis=0).tolist()
    lines = {"mean of the ten": [Interval(mean=area, low=None, high=None) for area in means], **lines}
    if arguments.clips:
        model = fitted(config, corpus, np.arange(len(corpus.labels)))
        reference, _ = held_out(config, corpus, [])
        clips = read(arguments.clips)
        strange = clips.labels == clips.genres.index(arguments.unknown)
        found = evidence(model, clips.pieces)
        known, unknown, theirs = found[~strange], found[strange], np.array(artists(clips))
        groups = [*theirs[~strange], *theirs[strange]]
        lines = {f"{len(known)} and {len(unknown)} clips": areas(known, unknown, reference, groups), **lines}
    sys.stdout.write(f"| known against unknown | {' | '.join(SCORES)} |\n{'|---' * (1 + len(SCORES))}|\n")
    for name, line in lines.items():
        first, *others = line
        reach = "" if name.startswith("mean") else f" ({first.text(_digits).removeprefix('95 %: ')})"
        cells = " | ".join(_digits(area.mean) for area in others)
        sys.stdout.write(f"| {name} | {_digits(first.mean)}{reach} | {cells} |\n")


def _digits(area: float) -> str:
    return f"{area:.3f}"


if __name__ == "__main__":
    main()
