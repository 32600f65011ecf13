"""How well recipes learn a new taxonomy from a few tracks a genre, on artists that they have not learned from.

    python benchmarks/few_labels.py LABELLED WORK [--recipes musicnn,texture_kernel] [--draws 12]

LABELLED has the ten genres of GTZAN, with artists; each task regroups or picks some of them. In each draw, two thirds
of the artists may be learned from, and the others are measured on. Prints a Markdown table of balanced accuracies: the
mean over draws and its standard deviation. With two recipes, a second table compares the first with 20 tracks a genre
and the second with all, on the same test tracks. Features are kept below WORK.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "NUMBA")}

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genre_batch.catalog.corpora import LabelledTrack, read_corpus
from genre_batch.config import load
from genre_batch.model.scores import Labels, Pooling
from genre_batch.training.corpus import TrainingCorpus, read_training_corpus
from genre_batch.training.dataset import extract_here
from genre_batch.training.fitted_model import answers_to
from genre_batch.training.recipe import Recipe, fit_model
from genre_batch.training.recipe_files import recipe_file
from genre_batch.training.splits import Rows, group_folds
from genre_batch.training.train_config import TrainConfig

TEN = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
SUPER = {
    "roots": ("blues", "country"),
    "art": ("classical", "jazz"),
    "beats": ("disco", "hiphop", "pop", "reggae"),
    "guitars": ("metal", "rock"),
}
PAIRS = (("blues", "country"), ("disco", "pop"), ("hiphop", "reggae"), ("metal", "rock"), ("classical", "jazz"))
TASKS: dict[str, dict[str, str]] = {
    "four super-genres": {genre: name for name, genres in SUPER.items() for genre in genres},
    **{" or ".join(pair): {genre: f"mine {genre}" for genre in pair} for pair in PAIRS},
    "ten genres": {genre: f"mine {genre}" for genre in TEN},
}
"""By name: the user's name of each genre that takes part. No name is that of a tag, so that none helps."""

SIZES = (5, 10, 20, None)
FOLDS = 3


def of_task(corpus: TrainingCorpus, names: Mapping[str, str]) -> TrainingCorpus:
    """The tracks that take part in a task, under the user's names."""
    taking_part = [each for each in corpus.examples if each.labelled.genre in names]
    examples = [
        replace(each, labelled=replace(each.labelled, genre=names[each.labelled.genre])) for each in taking_part
    ]
    genres = sorted(set(names.values()))
    labels = np.array([genres.index(each.labelled.genre) for each in examples], np.int64)
    return TrainingCorpus(examples, genres, labels, {})


def picked(rows: Rows, labels: Labels, tracks: list[LabelledTrack], most: int | None, seed: int) -> Rows:
    """At most `most` of the `rows` of each genre, of as many artists as possible."""
    if most is None:
        return rows
    rng, chosen = np.random.default_rng(seed), list[int]()
    for genre in np.unique(labels[rows]):
        by_artist: dict[str, list[int]] = {}
        for row in rng.permutation(rows[labels[rows] == genre]).tolist():
            by_artist.setdefault(tracks[row].group, []).append(row)
        rounds = [artist[place] for place in range(most) for artist in by_artist.values() if place < len(artist)]
        chosen += rounds[:most]
    return np.sort(np.array(chosen, np.int64))


def balanced_accuracy(corpus: TrainingCorpus, recipe: Recipe, pooling: Pooling, train: Rows, test: Rows) -> float:
    """The mean recall over the genres of the tracks in `test`, by a model that learned from those in `train`."""
    pieces, labels = corpus.pieces, corpus.labels
    model = fit_model(recipe, [pieces[row] for row in train], labels[train], seed=0, progress=lambda _, __: None)
    best = answers_to(model, pieces, test, pooling).probabilities(1.0).argmax(axis=1)
    right = best == labels[test]
    return float(np.mean([right[labels[test] == genre].mean() for genre in np.unique(labels[test])]))


def learning_curve(corpus: TrainingCorpus, config: TrainConfig, draws: int) -> npt.NDArray[np.float64]:
    """Balanced accuracies [n_sizes, n_draws], for each of SIZES."""
    recipe = Recipe(config.architecture, config.front_end, None, corpus.genres, standardise=config.standardise)
    rows = []
    for size in SIZES:
        found = []
        for draw in range(draws):
            fold = group_folds(corpus.tracks, FOLDS, draw)[0]
            train = picked(fold.train, corpus.labels, corpus.tracks, size, draw)
            found.append(balanced_accuracy(corpus, recipe, config.pooling, train, fold.test))
        rows.append(found)
    return np.array(rows)


def comparison(task: str, first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> str:
    """The line of the second table about a task, from the accuracies of both recipes."""
    few, every = first[SIZES.index(20)], second[SIZES.index(None)]
    gain = few - every
    cells = [f"{each.mean():.2f}" for each in (few, every)] + [f"{gain.mean():+.2f} +- {gain.std():.2f}"]
    return f"| {task} | {' | '.join(cells)} | {(gain > 0).sum()}, {(gain < 0).sum()} |\n"


def main() -> None:
    """Print the table, a line for each task and recipe as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labelled")
    parser.add_argument("work", type=Path)
    parser.add_argument("--recipes", default="musicnn,texture_kernel")
    parser.add_argument("--draws", type=int, default=12)
    arguments = parser.parse_args()
    sizes = " | ".join("all" if size is None else str(size) for size in SIZES)
    sys.stdout.write(f"| task | recipe | {sizes} |\n{'|---' * (2 + len(SIZES))}|\n")
    names, found = arguments.recipes.split(","), dict[tuple[str, str], npt.NDArray[np.float64]]()
    for name in names:
        places = {"source": arguments.labelled, "output": str(arguments.work / "bundle")}
        config = load(TrainConfig, str(recipe_file(name)), (), places)
        tracks = read_corpus(arguments.labelled)
        corpus = read_training_corpus(tracks, config.front_end, extract_here, arguments.work / "features", "skip")
        for task, new_names in TASKS.items():
            curve = found[name, task] = learning_curve(of_task(corpus, new_names), config, arguments.draws)
            cells = [f"{row.mean():.2f} +- {row.std():.2f}" for row in curve]
            sys.stdout.write(f"| {task} | `{name}` | {' | '.join(cells)} |\n")
            sys.stdout.flush()
    if len(names) == 2:
        first, second = names
        titles = f"task | `{first}`, 20 | `{second}`, all | difference | draws ahead, behind"
        sys.stdout.write(f"\n| {titles} |\n{'|---' * 5}|\n")
        sys.stdout.writelines(comparison(task, found[first, task], found[second, task]) for task in TASKS)


if __name__ == "__main__":
    main()
