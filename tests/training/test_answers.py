"""Answers are pooled by track, and calibration never sees the tracks it is measured on."""

import numpy as np

from genre_batch.training.answers import Answers, FoldAnswers, calibration_answers, fitting_answers


def answers(*rows: int) -> Answers:
    logits = np.random.default_rng(len(rows)).normal(size=(len(rows), 3)).astype(np.float32)
    return Answers(logits, np.array(rows, np.int64))


def test_probabilities_are_those_of_the_tracks_in_order() -> None:
    given = answers(7, 7, 2, 9)
    assert given.tracks.tolist() == [2, 7, 9]
    probabilities = given.probabilities(2.0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)
    scaled = np.exp(given.logits / 2.0)
    scaled /= scaled.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities[1], scaled[:2].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(probabilities[0], scaled[2], rtol=1e-5)


def test_a_fold_is_calibrated_on_the_other_folds_of_its_repeat() -> None:
    repeat = [FoldAnswers(answers(row)) for row in (1, 2, 3)]
    assert fitting_answers(repeat, 1) == [repeat[0].test, repeat[2].test]
    assert calibration_answers([repeat, repeat]) == [fold.test for fold in repeat] * 2


def test_a_validation_list_is_what_is_calibrated_on() -> None:
    fold = FoldAnswers(answers(1), answers(5))
    assert fold.valid is not None
    assert fitting_answers([fold], 0) == [fold.valid]
    assert calibration_answers([[fold], [fold]]) == [fold.valid] * 2
