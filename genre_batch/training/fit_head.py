"""Fits the head of a frozen trunk to standardised values of segments, in one step."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from genre_batch.model.estimators.estimator import Doubles
from genre_batch.model.networks.head_settings import AnyHead, KernelHead, LogisticHead, MlpHead, SvmHead
from genre_batch.model.networks.texture_kernel import solve_kernel
from genre_batch.model.scores import Labels

HeadState = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class HeadExamples:
    """What a head learns from: segments with the label of their track.

    points: [n, n_values], standardised. labels: [n]. weights: [n], which sum to the number of tracks.
    """

    points: Doubles
    labels: Labels
    weights: Doubles
    n_genres: int

    @property
    def tracks(self) -> float:
        """The number of tracks."""
        return float(self.weights.sum())


def fit_head(settings: AnyHead, examples: HeadExamples, pull: Doubles, seed: int) -> HeadState:
    """The state of the head, by the names of its network; the same for the same arguments.

    pull: [n_values, n_genres], the weights of each genre's tags for standardised values, zeros for genres without one.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # the arrays are small: threads that wait for each other took a hundred times as long
        match settings:
            case LogisticHead():
                return _linear(*fit_logistic(settings, examples, pull))
            case KernelHead():
                return _fit_kernel(settings, examples, seed)
            case SvmHead():
                return _fit_svm(settings, examples, seed)
            case MlpHead():
                return _fit_mlp(settings, examples, seed)


def fit_logistic(settings: LogisticHead, examples: HeadExamples, pull: Doubles) -> tuple[Doubles, Doubles]:
    """The weights [n_values, n_genres] and biases [n_genres] of least loss.

    The loss is the weighted mean cross-entropy, plus half of each genre's penalty times the squared distance of its
    weights from `scale * pull`, where `scale` is one number for all genres, or one for each, and is fitted as well.
    """
    from scipy.optimize import minimize

    n_values, n_genres = examples.points.shape[1], examples.n_genres
    tagged = pull.any(axis=0)
    penalty = settings.penalty / examples.tracks * np.where(tagged, 1.0, settings.free_penalty)
    share = _balanced(examples) if settings.balanced else examples.weights / examples.weights.sum()
    smoothing, scales = settings.label_smoothing, n_genres if settings.own_multiples else 1
    targets = (1.0 - smoothing) * np.eye(n_genres)[examples.labels] + smoothing / n_genres

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        away, bias, scale = _parts(flat, n_values, n_genres)
        logits = examples.points @ (away + scale * pull) + bias
        logits -= logits.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(logits).sum(axis=1, keepdims=True))
        error = share[:, None] * (np.exp(logits - log_sum) - targets)
        by_weight = examples.points.T @ error
        by_scale = (by_weight * pull).sum(axis=0).reshape(scales, -1).sum(axis=1)
        gradient = np.concatenate([(by_weight + penalty * away).ravel(), error.sum(axis=0), by_scale])
        cross_entropy = -(share[:, None] * targets * (logits - log_sum)).sum()
        return float(cross_entropy + 0.5 * (penalty * np.square(away).sum(axis=0)).sum()), gradient

    start = np.zeros(n_values * n_genres + n_genres + scales)
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000, "ftol": 1e-10, "gtol": 1e-7})
    away, bias, scale = _parts(best.x, n_values, n_genres)
    return away + scale * pull, bias


def _parts(flat: Doubles, n_values: int, n_genres: int) -> tuple[Doubles, Doubles, Doubles]:
    away, bias, scale = np.split(flat, [n_values * n_genres, (n_values + 1) * n_genres])
    return away.reshape(n_values, n_genres), bias, scale


def _balanced(examples: HeadExamples) -> Doubles:
    """The share of each example if the genres weigh alike."""
    by_genre = np.bincount(examples.labels, examples.weights, examples.n_genres)
    share: Doubles = examples.weights / by_genre[examples.labels] / np.count_nonzero(by_genre)
    return share


def _fit_kernel(settings: KernelHead, examples: HeadExamples, seed: int) -> HeadState:
    order = np.random.default_rng(seed).permutation(len(examples.points))[: settings.support_segments]
    points, weights = torch.from_numpy(examples.points), torch.from_numpy(examples.weights)
    support = points[torch.from_numpy(np.sort(order))]
    one_hot = nn.functional.one_hot(torch.from_numpy(examples.labels), examples.n_genres).double()
    targets = one_hot - weights / weights.sum() @ one_hot
    coefficients = solve_kernel(points, support, targets, weights, settings.width, settings.ridge)
    return {"support": support.float(), "coefficients": coefficients.float()}


def _fit_svm(settings: SvmHead, examples: HeadExamples, seed: int) -> HeadState:
    from sklearn.svm import LinearSVC

    columns = []
    for genre in range(examples.n_genres):
        machine = LinearSVC(C=settings.c, random_state=seed)
        machine.fit(examples.points, examples.labels == genre, sample_weight=examples.weights)
        columns.append(np.append(machine.coef_[0], machine.intercept_))
    solution = np.stack(columns, axis=1)
    return _linear(solution[:-1], solution[-1])


def _fit_mlp(settings: MlpHead, examples: HeadExamples, seed: int) -> HeadState:
    from sklearn.neural_network import MLPClassifier

    perceptron = MLPClassifier(
        settings.hidden_units, alpha=settings.alpha, max_iter=settings.epochs, random_state=seed, n_iter_no_change=10**6
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged: `epochs` says when to stop
        perceptron.fit(examples.points, examples.labels, sample_weight=examples.weights)
    (first, second), (first_bias, second_bias) = perceptron.coefs_, perceptron.intercepts_
    if examples.n_genres == 2:  # scikit-learn then has one output, the logit of the second genre
        second, second_bias = np.pad(second, ((0, 0), (1, 0))), np.pad(second_bias, (1, 0))
    return _prefixed("0.", _linear(first, first_bias)) | _prefixed("2.", _linear(second, second_bias))


def _linear(weight: Doubles, bias: Doubles) -> HeadState:
    return {"weight": torch.from_numpy(weight.T.copy()).float(), "bias": torch.from_numpy(bias.copy()).float()}


def _prefixed(prefix: str, state: HeadState) -> HeadState:
    return {prefix + name: tensor for name, tensor in state.items()}


def tag_columns(settings: AnyHead, genres: Sequence[str], tags: Sequence[str]) -> list[list[int]]:
    """For each of `genres`, the numbers of the trunk's `tags` that mean it; none for heads that use no tags."""
    if not isinstance(settings, LogisticHead):
        return [[] for _ in genres]
    by_name = {_plain(tag): number for number, tag in enumerate(tags)}
    wanted = {_plain(genre): names for genre, names in settings.tags.items()}
    return [
        [by_name[_plain(tag)] for tag in wanted.get(_plain(genre), [genre]) if _plain(tag) in by_name]
        for genre in genres
    ]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
