"""The calibration of `in_scope` comes from tracks that the models did not learn from."""

from dataclasses import replace

import numpy as np
import pytest
from training.test_trunk_model import FRONT_END, GENRES, LABELS, tracks

from genre_batch.model.networks.settings import TrunkSettings
from genre_batch.model.scope import ScopeCalibration
from genre_batch.training.corpus import TrainingCorpus
from genre_batch.training.dataset import as_segments
from genre_batch.training.fitted_model import FoldLogits, SegmentLogits
from genre_batch.training.scope_by_folds import scope_by_folds
from genre_batch.training.splits import Fold
from genre_batch.training.trunk_model import standardised_trunk

ROWS = np.arange(8)
FOLDS = [Fold(ROWS[4:], ROWS[:4]), Fold(ROWS[:4], ROWS[4:])]


@pytest.fixture(scope="module")
def corpus() -> TrainingCorpus:
    class Example:
        def __init__(self, pieces: np.ndarray) -> None:
            self.pieces = pieces

    return TrainingCorpus([Example(pieces) for pieces in tracks(0)], GENRES, LABELS, {})  # type: ignore[misc]


def answers(corpus: TrainingCorpus, rows: np.ndarray) -> SegmentLogits:
    counts = [len(as_segments(corpus.pieces[row], FRONT_END)) for row in rows]
    which = np.repeat(rows, counts)
    return SegmentLogits(np.stack([which, -which], axis=1).astype(np.float32), which)


def calibrated(corpus: TrainingCorpus) -> ScopeCalibration:
    repeat = [FoldLogits(answers(corpus, fold.test)) for fold in FOLDS]
    return scope_by_folds(TrunkSettings(), FRONT_END, corpus, FOLDS, repeat)


def test_distances_are_those_of_models_that_did_not_learn_from_the_track(corpus: TrainingCorpus) -> None:
    found = calibrated(corpus)
    distances = []
    for fold in FOLDS:
        pieces = [corpus.pieces[row] for row in fold.train]
        model = standardised_trunk(TrunkSettings(), FRONT_END, pieces, LABELS[fold.train], GENRES)
        distances += [model.distances(as_segments(corpus.pieces[row], FRONT_END)).mean() for row in fold.test]
    assert found.distance_mean == pytest.approx(np.mean(distances), rel=1e-4)
    assert found.evidence_mean == pytest.approx(ROWS.mean(), abs=0.2)
    assert found.quantiles == sorted(found.quantiles)


def test_validation_tracks_are_preferred_to_test_tracks(corpus: TrainingCorpus) -> None:
    fold = replace(FOLDS[0], test=ROWS[:2], valid=ROWS[2:4])
    repeat = [FoldLogits(answers(corpus, fold.test), answers(corpus, fold.valid))]
    found = scope_by_folds(TrunkSettings(), FRONT_END, corpus, [fold], repeat)
    assert found.evidence_mean == pytest.approx(2.5, abs=0.1)
