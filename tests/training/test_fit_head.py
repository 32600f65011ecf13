"""Heads separate what can be separated; the logistic head starts from the tags of the trunk."""

import numpy as np
import pytest
import torch

from genre_batch.model.networks.head_settings import AnyHead, KernelHead, LogisticHead, MlpHead, SvmHead
from genre_batch.model.networks.settings import TrunkSettings
from genre_batch.model.networks.trunk import Trunk
from genre_batch.training.fit_head import HeadExamples, fit_head, fit_logistic, tag_columns

HEADS = [LogisticHead(penalty=1.0), KernelHead(), SvmHead(c=1.0), MlpHead(alpha=3.0, epochs=300)]
N_VALUES = 200


def examples(n_genres: int, per_genre: int = 40, seed: int = 0) -> HeadExamples:
    """Genre g is high in value g; the rest is noise."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_genres), per_genre)
    points = rng.normal(size=(len(labels), N_VALUES))
    points[np.arange(len(labels)), labels] += 4.0
    points = np.clip(points, -4.0, 4.0)
    return HeadExamples(points, labels, np.ones(len(labels)), n_genres)


@pytest.mark.parametrize("n_genres", [2, 3])
@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_a_fitted_head_recognises_new_examples(head: AnyHead, n_genres: int) -> None:
    network = Trunk(TrunkSettings(head=head), 96, 64, n_genres)
    state = fit_head(head, examples(n_genres), np.zeros((N_VALUES, n_genres)), seed=3)
    network.head.load_state_dict(state)
    new = examples(n_genres, seed=1)
    with torch.no_grad():
        answers = network.head(torch.from_numpy(new.points).float()).argmax(1).numpy()
    assert (answers == new.labels).mean() > 0.85
    again = fit_head(head, examples(n_genres), np.zeros((N_VALUES, n_genres)), seed=3)
    assert all(torch.equal(state[name], again[name]) for name in state)


def test_without_a_penalty_to_speak_of_the_tags_do_not_matter_and_with_a_huge_one_only_they_do() -> None:
    pull = np.random.default_rng(5).normal(size=(N_VALUES, 3))
    strong, _ = fit_logistic(LogisticHead(penalty=1e7), examples(3), pull)
    scale = (strong * pull).sum() / (pull * pull).sum()
    np.testing.assert_allclose(strong, scale * pull, atol=1e-3)
    free, _ = fit_logistic(LogisticHead(penalty=1e-3), examples(3), np.zeros_like(pull))
    pulled, _ = fit_logistic(LogisticHead(penalty=1e-3), examples(3), pull)
    assert np.corrcoef(free.ravel(), pulled.ravel())[0, 1] > 0.9


def test_each_genre_may_have_a_multiple_of_its_own() -> None:
    """The tags of genre 2 say nothing, so it alone is not pulled to them."""
    given, pull = examples(3), np.zeros((N_VALUES, 3))
    pull[[0, 1, 100], [0, 1, 2]] = 1.0
    one, _ = fit_logistic(LogisticHead(penalty=1e7), given, pull)
    own, _ = fit_logistic(LogisticHead(penalty=1e7, own_multiples=True), given, pull)
    assert one[100, 2] == pytest.approx(one[0, 0], rel=1e-3)
    assert own[0, 0] > one[0, 0]
    assert abs(own[100, 2]) < 0.2 * own[0, 0]
    assert np.count_nonzero(np.abs(own) > 1e-3) <= 3


def test_genres_may_weigh_alike() -> None:
    """A genre with a quarter of the tracks is answered as often as if each of its tracks came four times."""
    given = examples(3)
    few = np.concatenate([np.arange(80), np.arange(80, 90)])
    rare = HeadExamples(given.points[few], given.labels[few], np.ones(90), 3)
    repeated = np.concatenate([np.arange(80), np.tile(np.arange(80, 90), 4)])
    often = HeadExamples(given.points[repeated], given.labels[repeated], np.ones(120), 3)
    pull = np.zeros((N_VALUES, 3))
    balanced = fit_logistic(LogisticHead(penalty=90.0, balanced=True), rare, pull)
    for found, expected in zip(balanced, fit_logistic(LogisticHead(penalty=120.0), often, pull), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_bundles_from_before_these_choices_keep_their_fingerprint() -> None:
    assert {"own_multiples", "balanced"}.isdisjoint(LogisticHead().model_dump())
    assert LogisticHead(balanced=True).model_dump()["balanced"] is True


def test_the_logistic_head_is_where_its_loss_is_least() -> None:
    """Against scikit-learn, for the case that it can do: one penalty, no smoothing, no tags."""
    from sklearn.linear_model import LogisticRegression

    given = examples(3)
    settings = LogisticHead(penalty=2.0, free_penalty=1.0, label_smoothing=0.0)
    weight, _ = fit_logistic(settings, given, np.zeros((N_VALUES, 3)))
    peer = LogisticRegression(C=1 / 2.0, max_iter=5000, tol=1e-8).fit(given.points, given.labels)
    np.testing.assert_allclose(weight.T, peer.coef_, atol=2e-3)


def test_genres_find_their_tags_by_name_or_by_the_settings() -> None:
    tags = ("rock", "Hip-Hop", "hard rock", "jazz")
    genres = ["Rock", "hiphop", "jazz", "polka"]
    head = LogisticHead(tags={"rock": ["rock", "hard rock", "no such tag"]})
    assert tag_columns(head, genres, tags) == [[0, 2], [1], [3], []]
    assert tag_columns(SvmHead(), genres, tags) == [[], [], [], []]
