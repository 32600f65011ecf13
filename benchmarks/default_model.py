"""The figures of docs/default-model.md for one or more recipes, on the same folds.

    python benchmarks/default_model.py LABELLED WORK [--recipes cheap,default] [--others OTHERS] [--draws 6]

LABELLED has artists and a column `fault_filtered_split` or `split`, if the figures on lists are wanted. OTHERS is a
labelled folder that is only measured on. The draws of the folds have the seeds 100, 101, ..., on which no choice was
made. Features are kept below WORK. Prints a Markdown table; intervals are 95 %, by resampling artists. For each recipe
but the last, another table shows how many of the held-out tracks change from which label to which with the last one.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "NUMBA")}

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from material import MP3_BITRATE, Material, durations_s, parts_of, read_material

from genre_batch.catalog.corpora import read_corpus
from genre_batch.evaluation.intervals import Interval, grouped_bootstrap, mean_interval
from genre_batch.evaluation.metric_intervals import loss_interval
from genre_batch.evaluation.metrics import accuracy, expected_calibration_error, macro_f1
from genre_batch.model.scores import Floats, Pooling
from genre_batch.training.corpus import read_training_corpus
from genre_batch.training.dataset import extract_here
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.figures import fit_temperature, held_out_figures
from genre_batch.training.fitted_model import FittedModel, FoldLogits, SegmentLogits, answers_to
from genre_batch.training.recipe import fit_model
from genre_batch.training.splits import Rows, group_folds

FIRST_SEED = 100
FOLDS = 5
LONG_S = 15.0
PERFECT_DRAWS = 2000


@dataclass(frozen=True)
class HeldOut:
    """Calibrated probabilities [n, n_genres] of all tracks by models that did not learn from them, and of the MP3s.

    answered_at: the share of tracks that is answered, and the share of those that is right, by `min_precision`, with
    thresholds of the other folds.
    """

    plain: Floats
    mp3: Floats
    sd: float
    answered_at: dict[str, tuple[float, float | None]]


def fitted(material: Material, rows: Rows, seed: int) -> FittedModel:
    """A model that learned from the tracks in `rows`."""
    pieces = [material.corpus.pieces[row] for row in rows]
    return fit_model(material.recipe, pieces, material.corpus.labels[rows], seed=seed, progress=lambda _, __: None)


def answers(model: FittedModel, pieces: list[Pieces], rows: Rows, pooling: Pooling) -> SegmentLogits:
    """The model's answers to the tracks in `rows`."""
    return answers_to(model, pieces, rows, pooling)


def held_out(material: Material, draw: int) -> HeldOut:
    """One cross-validation; the temperature of a fold is fitted on the others."""
    corpus = material.corpus
    folds = group_folds(corpus.tracks, FOLDS, FIRST_SEED + draw)
    models = [fitted(material, fold.train, number) for number, fold in enumerate(folds)]
    plain, mp3 = (
        [answers(model, pieces, fold.test, material.config.pooling) for model, fold in zip(models, folds, strict=True)]
        for pieces in (corpus.pieces, material.mp3)
    )
    temperatures = [fit_temperature(plain[:place] + plain[place + 1 :], corpus.labels) for place in range(FOLDS)]
    tables = []
    for found in (plain, mp3):
        table = np.zeros((len(corpus.labels), len(corpus.genres)), np.float32)
        for each, temperature in zip(found, temperatures, strict=True):
            table[each.tracks] = each.probabilities(temperature)
        tables.append(table)
    by_fold = [accuracy(tables[0][fold.test], corpus.labels[fold.test]) for fold in folds]
    repeat = [FoldLogits(each) for each in plain]
    measured = held_out_figures([repeat], corpus.labels, corpus.genres, target_precision=None)
    return HeldOut(tables[0], tables[1], float(np.std(by_fold, ddof=1)), measured.answered_at)


def ece_if_perfect(tables: list[Floats]) -> tuple[float, float]:
    """The mean and the 95 % quantile of the calibration error if every answer were right as often as it says."""
    rng = np.random.default_rng(0)
    confidence = tables[0].max(axis=1)
    errors = []
    for _ in range(PERFECT_DRAWS):
        right = rng.random(len(confidence)) < confidence
        two = np.stack([confidence, np.zeros_like(confidence)], axis=1)
        errors.append(expected_calibration_error(two, np.where(right, 0, 1)))
    return float(np.mean(errors)), float(np.quantile(errors, 0.95))


def shown(found: Interval, digits: int = 3) -> str:
    """A figure with its interval."""
    return f"{found.mean:.{digits}f} ({found.text(lambda value: f'{value:.{digits}f}').removeprefix('95 %: ')})"


def figures(material: Material, every: list[HeldOut]) -> dict[str, str]:
    """The figures on held-out artists of LABELLED, over some draws of the folds."""
    corpus, labels, draws, artist = material.corpus, material.corpus.labels, len(every), np.array(material.groups)
    long = np.array(durations_s(corpus)) >= LONG_S
    best = [each.plain.argmax(axis=1) for each in every]
    right = np.mean([each == labels for each in best], axis=0)
    right_as_mp3 = np.mean([each.mp3.argmax(axis=1) == labels for each in every], axis=0)
    losses = np.mean([-np.log(np.maximum(each.plain[range(len(labels)), labels], 1e-12)) for each in every], axis=0)
    by_draw = [accuracy(each.plain, labels) for each in every]
    mean, high = ece_if_perfect([each.plain for each in every])

    def share(values: Floats, among: np.ndarray, digits: int = 3) -> str:
        return shown(mean_interval(values[among], artist[among].tolist()), digits)

    def f1(rows: Rows) -> float:
        return float(np.mean([macro_f1(each[rows], labels[rows]) for each in best]))

    def error(rows: Rows) -> float:
        return float(np.mean([expected_calibration_error(each.plain[rows], labels[rows]) for each in every]))

    everywhere = np.ones(len(labels), np.bool_)
    table = {
        f"accuracy, {draws} draws": share(right, everywhere),
        "lowest and highest draw; sd over folds": f"{min(by_draw):.3f}, {max(by_draw):.3f}; "
        f"{np.mean([each.sd for each in every]):.3f}",
        "macro F1": shown(grouped_bootstrap(f1, material.groups)),
        "log loss, nats": share(losses, everywhere),
        "calibration error": shown(grouped_bootstrap(error, material.groups, reflected=True)),
        "of a perfectly calibrated model: mean, 95 %": f"{mean:.3f}, {high:.3f}",
        f"accuracy on {long.sum()} excerpts of at least {LONG_S:g} s": share(right, long),
        "on shorter ones": share(right, ~long),
        f"as MP3 of {MP3_BITRATE // 1000} kbit/s": share(right_as_mp3, everywhere),
    }
    table |= {f"min_precision {target}: answered; right": abstaining(every, target) for target in every[0].answered_at}
    for number, genre in enumerate(corpus.genres):
        here = labels == number
        table[f"recall of {genre} ({len(set(artist[here]))} artists)"] = share(right, here, 2)
    return table


def abstaining(every: list[HeldOut], target: str) -> str:
    """The shares of the tracks answered and of those right, over the draws, with the lowest and highest draw."""
    found = [each.answered_at[target] for each in every]
    given = np.array([share for share, _ in found])
    right = np.array([share or 0.0 for _, share in found])
    mean = float((given * right).sum() / given.sum()) if given.any() else 0.0
    return f"{given.mean():.2f}; {mean:.3f} ({right.min():.3f} to {right.max():.3f})"


def on_others(material: Material, source: str, work: Path) -> dict[str, str]:
    """The figures of the model that learned from all of LABELLED, on the tracks of other publishers."""
    corpus = material.corpus
    others = read_training_corpus(
        read_corpus(source), material.config.front_end, extract_here, work / "features", "skip"
    )
    labels = np.array([corpus.genres.index(others.genres[label]) for label in others.labels], np.int64)
    rows = np.arange(len(labels))
    temperature = fit_temperature(
        [
            answers(fitted(material, fold.train, number), corpus.pieces, fold.test, material.config.pooling)
            for number, fold in enumerate(group_folds(corpus.tracks, FOLDS, 0))
        ],
        corpus.labels,
    )
    model = fitted(material, np.arange(len(corpus.labels)), 0)
    found = answers(model, others.pieces, rows, material.config.pooling).probabilities(temperature)
    best = found.argmax(axis=1)
    right = best == labels
    groups = [labelled.group for labelled in others.tracks]
    recall = ", ".join(
        f"{corpus.genres[n]} {right[labels == n].sum()}/{(labels == n).sum()}" for n in np.unique(labels)
    )
    return {
        f"other publishers, {len(labels)} clips": shown(mean_interval(right, groups)),
        "other publishers, macro F1": shown(grouped_bootstrap(lambda of: macro_f1(best[of], labels[of]), groups)),
        "other publishers, log loss": shown(loss_interval(found, labels, groups)),
        "other publishers, right": recall,
    }


def on_lists(material: Material, parts: dict[str, str]) -> dict[str, str]:
    """The figures of the test list, by a model that learned from the train list alone."""
    corpus = material.corpus
    part = np.array([parts.get(Path(labelled.track.uri).stem, "") for labelled in corpus.tracks])
    train, test = np.flatnonzero(part == "train"), np.flatnonzero(part == "test")
    if not len(train) or not len(test):
        return {}
    found = answers(fitted(material, train, 0), corpus.pieces, test, material.config.pooling).probabilities(1.0)
    right, groups = found.argmax(axis=1) == corpus.labels[test], [material.groups[row] for row in test]
    return {f"fault-filtered lists, {len(train)} and {len(test)} tracks": shown(mean_interval(right, groups))}


def flips(genres: list[str], before: Floats, after: Floats) -> list[str]:
    """The lines of a table: tracks by their first label (rows) and their second one (columns)."""
    old, new = before.argmax(axis=1), after.argmax(axis=1)
    lines = [f"| {(old == new).mean():.2f} keep their label | {' | '.join(genres)} |"]
    lines.append("|---" * (1 + len(genres)) + "|")
    for row, genre in enumerate(genres):
        counts = [str(((old == row) & (new == column)).sum() or "") for column in range(len(genres))]
        lines.append(f"| **{genre}** | {' | '.join(counts)} |")
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labelled")
    parser.add_argument("work", type=Path)
    parser.add_argument("--recipes", default="cheap,one-window,default")
    parser.add_argument("--others")
    parser.add_argument("--draws", type=int, default=6)
    arguments = parser.parse_args()
    names, columns, first_draws = arguments.recipes.split(","), [], []
    for name in names:
        material = read_material(name, arguments.labelled, arguments.work)
        every = [held_out(material, draw) for draw in range(arguments.draws)]
        first_draws.append(every[0].plain)
        column = figures(material, every) | on_lists(material, parts_of(Path(arguments.labelled)))
        columns.append(column | (on_others(material, arguments.others, arguments.work) if arguments.others else {}))
    lines = [f"| | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    lines += [f"| {key} | {' | '.join(column[key] for column in columns)} |" for key in columns[0]]
    for name, before in zip(names[:-1], first_draws, strict=False):
        changes = flips(material.corpus.genres, before, first_draws[-1])
        lines += ["", f"Rows: `{name}`, columns: `{names[-1]}`.", "", *changes]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
