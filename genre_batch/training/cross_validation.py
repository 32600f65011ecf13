"""Honest figures: every track is answered by a model that learned from other tracks."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from genre_batch.evaluation.metrics import accuracy
from genre_batch.training.answers import Answers, FoldAnswers, Repeat
from genre_batch.training.batches import Labels
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.fit import Progress
from genre_batch.training.fitted_model import FittedModel, answers_to
from genre_batch.training.recipe import Recipe, fit_model
from genre_batch.training.splits import Fold, Rows
from genre_batch.training.work_folder import Work


def cross_validate(
    recipe: Recipe,
    material: Sequence[Pieces],
    scored: Sequence[Pieces],
    labels: Labels,
    folds: Sequence[Fold],
    *,
    name: str,
    work: Work,
    seed: int,
    progress: Callable[[int], Progress],
) -> Repeat:
    """The answers of one model a fold; `progress` makes the fold's own, from 1.

    A model learns from the `material` of its training tracks and answers what is `scored` of the others. The answers
    of each fold are kept in `work` under `name`: those that are there are not computed again.
    """
    repeat = []
    for number, fold in enumerate(folds, start=1):
        kept = f"{name}-fold-{number}"
        answers = work.load(kept)
        if answers is None:
            model = fit_model(
                recipe,
                [material[row] for row in fold.train],
                labels[fold.train],
                seed=seed + number,
                progress=progress(number),
                checkpoint=work.checkpoint(kept),
                measure=partial(_accuracy, scored=scored, rows=fold.test, labels=labels),
            )
            valid = _answer(model, scored, fold.valid) if len(fold.valid) else None
            answers = FoldAnswers(_answer(model, scored, fold.test), valid, model.curves)
            work.save(kept, answers)
        repeat.append(answers)
    return repeat


def mean_curves(repeats: Sequence[Repeat]) -> dict[str, list[float]]:
    """The learning curves of all folds, averaged; empty where the classifier has none."""
    curves = [fold.curves for repeat in repeats for fold in repeat]
    return {name: np.mean([each[name] for each in curves], axis=0).tolist() for name in curves[0]}


def _answer(model: FittedModel, scored: Sequence[Pieces], rows: Rows) -> Answers:
    logits, which = answers_to(model, [scored[row] for row in rows])
    return Answers(logits, rows[which])


def _accuracy(model: FittedModel, scored: Sequence[Pieces], rows: Rows, labels: Labels) -> float:
    answers = _answer(model, scored, rows)
    return accuracy(answers.probabilities(1.0), labels[answers.tracks])
