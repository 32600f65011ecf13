"""How typical held-out tracks are of the genres, by models that did not learn from them."""

from collections.abc import Sequence

import numpy as np

from genre_batch.features.front_end import FrontEnd
from genre_batch.model.networks.settings import TrunkSettings
from genre_batch.model.scope import ScopeCalibration, evidence_of, fit_scope
from genre_batch.model.scores import pool
from genre_batch.training.corpus import TrainingCorpus
from genre_batch.training.dataset import as_segments
from genre_batch.training.fitted_model import Repeat
from genre_batch.training.splits import Fold
from genre_batch.training.trunk_model import standardised_trunk


def scope_by_folds(
    settings: TrunkSettings, front_end: FrontEnd, corpus: TrainingCorpus, folds: Sequence[Fold], repeat: Repeat
) -> ScopeCalibration:
    """The calibration of `in_scope` by the tracks that each fold holds out, or by its validation tracks if it has some.

    repeat: the answers of the folds' models to them.
    """
    found = []
    for fold, answers in zip(folds, repeat, strict=True):
        given = answers.test if answers.valid is None else answers.valid
        pieces = [corpus.pieces[row] for row in fold.train]
        model = standardised_trunk(settings, front_end, pieces, corpus.labels[fold.train], corpus.genres)
        segments = np.concatenate([as_segments(corpus.pieces[row], front_end) for row in given.tracks])
        columns = np.stack([evidence_of(given.logits), model.distances(segments)], axis=1)
        _, places = np.unique(given.track_rows, return_inverse=True)
        found.append(pool(columns, places.astype(np.int32), len(given.tracks)))
    evidence, distances = np.concatenate(found).T
    return fit_scope(evidence, distances)
