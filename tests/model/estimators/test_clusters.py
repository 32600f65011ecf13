"""k-means, named after the genres of its segments."""

import numpy as np

from genre_batch.model.estimators.clusters import ClustersSettings


def test_a_cluster_answers_with_the_genres_of_its_segments_and_one_more_of_each() -> None:
    places = np.repeat([0.0, 10.0], [4, 6])
    segments = np.random.default_rng(0).normal(places[:, None, None], 0.1, (10, 2, 3)).astype(np.float32)
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, 1])
    clusters = ClustersSettings(clusters=2).fit(segments, labels, n_genres=3, seed=0)
    probabilities = np.exp(clusters.log_probabilities(segments[[0, 9]]))
    assert np.allclose(probabilities, [[4 / 7, 2 / 7, 1 / 7], [1 / 9, 7 / 9, 1 / 9]])
    assert clusters.parameters == 2 * 6 + 2 * 3


def test_labels_do_not_move_a_centre() -> None:
    segments = np.random.default_rng(0).standard_normal((30, 2, 3)).astype(np.float32)
    settings = ClustersSettings(clusters=4)
    fits = [settings.fit(segments, np.arange(30) % genres, 3, seed=0) for genres in (2, 3)]
    assert np.array_equal(fits[0].centres, fits[1].centres)
    assert not np.array_equal(fits[0].answers, fits[1].answers)
