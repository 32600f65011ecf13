"""Cross-validation: every track is answered by a model that learned from other tracks."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from genre_batch.evaluation.metrics import accuracy
from genre_batch.model.scores import Labels, Pooling
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.fit import EpochProgress
from genre_batch.training.fitted_model import FittedModel, FoldLogits, Repeat, answers_to
from genre_batch.training.recipe import Recipe, fit_model
from genre_batch.training.splits import Fold, Rows
from genre_batch.training.work_folder import FoldStore


def cross_validate(
    recipe: Recipe,
    material: Sequence[Pieces],
    scored: Sequence[Pieces],
    labels: Labels,
    folds: Sequence[Fold],
    *,
    name: str,
    store: FoldStore,
    seed: int,
    progress: Callable[[int], EpochProgress],
) -> Repeat:
    """The answers of one model per fold.

    A model learns from the `material` of its training tracks and answers the `scored` pieces of the others. The answers
    of each fold are stored in `store` under `name`; those that are there already are not computed again. progress:
    makes the progress report of a fold, by its number from 1.
    """
    repeat = []
    for number, fold in enumerate(folds, start=1):
        file_name = f"{name}-fold-{number}"
        answers = store.load(file_name)
        if answers is None:
            model = fit_model(
                recipe,
                [material[row] for row in fold.train],
                labels[fold.train],
                seed=seed + number,
                progress=progress(number),
                checkpoint=store.checkpoint(file_name),
                measure=partial(_accuracy, scored=scored, rows=fold.test, labels=labels, pooling=recipe.pooling),
            )
            valid = answers_to(model, scored, fold.valid, recipe.pooling) if len(fold.valid) else None
            answers = FoldLogits(answers_to(model, scored, fold.test, recipe.pooling), valid, model.curves)
            store.save(file_name, answers)
        repeat.append(answers)
    return repeat


def mean_curves(repeats: Sequence[Repeat]) -> dict[str, list[float]]:
    """The learning curves averaged over all folds; empty if the classifier has none."""
    curves = [fold.curves for repeat in repeats for fold in repeat]
    return {name: np.mean([each[name] for each in curves], axis=0).tolist() for name in curves[0]}


def _accuracy(model: FittedModel, scored: Sequence[Pieces], rows: Rows, labels: Labels, pooling: Pooling) -> float:
    answers = answers_to(model, scored, rows, pooling)
    return accuracy(answers.probabilities(1.0), labels[answers.tracks])
