"""Every estimator learns, gives the same answers once loaded, and refuses files that are not its own."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save
from separable import COLUMNS, GENRES, ROWS, separable

from genre_batch.errors import UsageError
from genre_batch.model.estimators.clusters import ClustersSettings
from genre_batch.model.estimators.estimator import EstimatorSettings, as_vectors, fit_estimator, smoothed_log_shares
from genre_batch.model.estimators.forest import ForestSettings
from genre_batch.model.estimators.gaussian_neighbours import GaussianNeighboursSettings
from genre_batch.model.estimators.neighbours import NeighboursSettings
from genre_batch.model.estimators.svm import SvmSettings


def test_the_vector_of_a_segment_has_its_rows_in_order() -> None:
    segments = np.arange(12, dtype=np.float16).reshape(2, 2, 3)
    vectors = as_vectors(segments)
    assert vectors.dtype == np.float64
    assert vectors.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert as_vectors(segments[:0]).shape == (0, 6)


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=12).filter(lambda row: sum(row) > 0.1), st.integers(1, 2000))
def test_any_votes_become_probabilities_and_no_genre_is_impossible(row: list[float], votes: int) -> None:
    shares = np.array([row]) / sum(row)
    probabilities = np.exp(smoothed_log_shares(shares, votes).astype(np.float64))
    assert abs(probabilities.sum() - 1.0) < 1e-5
    assert probabilities.min() >= 0.99 / (votes + 1) / len(row)


def test_one_more_vote_is_divided_among_all_genres() -> None:
    assert np.allclose(np.exp(smoothed_log_shares(np.array([[1.0, 0.0]]), 4)), [[4.5 / 5, 0.5 / 5]])


OF_SKOPS = [ForestSettings(trees=10), SvmSettings(), NeighboursSettings()]
OF_ARRAYS = [ClustersSettings(clusters=6), GaussianNeighboursSettings()]
KINDS: list[EstimatorSettings] = [*OF_SKOPS, *OF_ARRAYS]
ALL = [*KINDS, SvmSettings(c=10.0, gamma=0.001)]


def _name(settings: EstimatorSettings) -> str:
    return settings.name


@pytest.mark.parametrize("settings", ALL, ids=_name)
def test_new_segments_are_answered_correctly(settings: EstimatorSettings) -> None:
    estimator = fit_estimator(settings, *separable(), GENRES, seed=0)
    segments, labels = separable(seed=1)
    answers = estimator.log_probabilities(segments)
    assert (answers.dtype, answers.shape) == (np.float32, (90, GENRES))
    assert (answers.argmax(axis=1) == labels).mean() > 0.97


@pytest.mark.parametrize("settings", ALL, ids=_name)
def test_answers_are_probabilities_even_far_from_the_training_segments(settings: EstimatorSettings) -> None:
    estimator = fit_estimator(settings, *separable(), GENRES, seed=0)
    segments = np.concatenate([separable(seed=2)[0], np.full((1, ROWS, COLUMNS), 6e4, np.float16)])
    answers = estimator.log_probabilities(segments)
    assert np.isfinite(answers).all()
    probabilities = np.exp(answers.astype(np.float64))
    assert np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)
    assert probabilities[:, [1, 3]].max() < 0.1
    assert estimator.log_probabilities(segments[:0]).shape == (0, GENRES)


@pytest.mark.parametrize("settings", ALL, ids=_name)
def test_an_answer_does_not_depend_on_the_other_segments(settings: EstimatorSettings) -> None:
    estimator = fit_estimator(settings, *separable(), GENRES, seed=0)
    segments, _ = separable(37, seed=3)
    together = estimator.log_probabilities(segments)
    alone = np.concatenate([estimator.log_probabilities(segment[None]) for segment in segments])
    order = np.random.default_rng(0).permutation(len(segments))
    assert np.array_equal(together, alone)
    assert np.array_equal(together[order], estimator.log_probabilities(segments[order]))


@pytest.mark.parametrize("settings", ALL, ids=_name)
def test_the_same_seed_gives_the_same_bytes(settings: EstimatorSettings) -> None:
    first, second = (fit_estimator(settings, *separable(), GENRES, seed=4).weights() for _ in range(2))
    assert first == second


def test_another_seed_gives_another_forest() -> None:
    forests = [fit_estimator(ForestSettings(trees=5), *separable(), GENRES, seed=seed) for seed in (0, 1)]
    assert forests[0].weights() != forests[1].weights()


def test_a_single_genre_is_refused() -> None:
    segments, labels = separable()
    with pytest.raises(UsageError, match="all of one genre"):
        fit_estimator(SvmSettings(), segments[labels == 2], labels[labels == 2], GENRES, seed=0)


@pytest.mark.parametrize(
    "settings", [NeighboursSettings(k=10), GaussianNeighboursSettings(k=10), ClustersSettings(clusters=10)], ids=_name
)
def test_fewer_segments_than_are_needed(settings: EstimatorSettings) -> None:
    with pytest.raises(UsageError, match="9 training segments are fewer than 10"):
        fit_estimator(settings, *separable(9), GENRES, seed=0)


@pytest.fixture(scope="module")
def saved() -> dict[str, bytes]:
    return {settings.name: fit_estimator(settings, *separable(), GENRES, seed=0).weights() for settings in KINDS}


class _Opens:
    """A pickle of it makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self._path), "w")


@pytest.mark.parametrize("settings", KINDS, ids=_name)
def test_a_round_trip_changes_no_answer(settings: EstimatorSettings, saved: dict[str, bytes]) -> None:
    fitted = fit_estimator(settings, *separable(), GENRES, seed=0)
    loaded = settings.load(saved[settings.name], (ROWS, COLUMNS), GENRES)
    segments, _ = separable(seed=1)
    assert np.array_equal(fitted.log_probabilities(segments), loaded.log_probabilities(segments))
    assert loaded.parameters == fitted.parameters > 0


@pytest.mark.parametrize("settings", KINDS, ids=_name)
def test_segments_of_another_size_or_fewer_genres_are_refused(
    settings: EstimatorSettings, saved: dict[str, bytes]
) -> None:
    for rows, columns, genres in ((ROWS + 1, COLUMNS, GENRES), (ROWS, COLUMNS, 4)):
        with pytest.raises(UsageError, match="do not fit its architecture"):
            settings.load(saved[settings.name], (rows, columns), genres)


@pytest.mark.parametrize("settings", KINDS, ids=_name)
@pytest.mark.parametrize("other", KINDS, ids=_name)
def test_the_weights_of_another_classifier_are_refused(
    settings: EstimatorSettings, other: EstimatorSettings, saved: dict[str, bytes]
) -> None:
    if settings != other:
        with pytest.raises(UsageError, match=r"architecture: it holds|header too large|foreign type|not a zip file"):
            settings.load(saved[other.name], (ROWS, COLUMNS), GENRES)


@pytest.mark.parametrize("settings", KINDS, ids=_name)
def test_a_pickle_is_never_loaded(settings: EstimatorSettings, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    with pytest.raises(UsageError):
        settings.load(pickle.dumps(_Opens(canary)), (ROWS, COLUMNS), GENRES)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as parts:
        parts.writestr("schema.json", pickle.dumps(_Opens(canary)))
    with pytest.raises(UsageError):
        settings.load(archive.getvalue(), (ROWS, COLUMNS), GENRES)
    assert not canary.exists()


@pytest.mark.parametrize("settings", KINDS, ids=_name)
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_a_part_of_a_file_is_damage(settings: EstimatorSettings, kept: float, saved: dict[str, bytes]) -> None:
    whole = saved[settings.name]
    with pytest.raises(UsageError, match=r"header too small|incomplete metadata|not a zip file"):
        settings.load(whole[: int(kept * len(whole))], (ROWS, COLUMNS), GENRES)


@pytest.mark.parametrize("settings", OF_ARRAYS, ids=_name)
def test_forged_arrays_are_refused(settings: EstimatorSettings, saved: dict[str, bytes]) -> None:
    arrays = load(saved[settings.name])
    forged = [{name: array for name, array in arrays.items() if name != missing} for missing in arrays]
    forged += [
        arrays | {name: np.full_like(array, -1)} for name, array in arrays.items() if name not in ("means", "centres")
    ]
    forged += [arrays | {name: array[:-1]} for name, array in arrays.items()]
    forged += [arrays | {name: np.full(array.shape, np.nan, np.float32)} for name, array in arrays.items()]
    refused = 0
    for each in forged:
        with pytest.raises(UsageError, match="do not fit its architecture"):
            settings.load(save(each), (ROWS, COLUMNS), GENRES)
        refused += 1
    assert refused >= 6


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("settings", OF_SKOPS, ids=_name)
def test_changed_bytes_are_refused_or_answer_with_probabilities(
    settings: EstimatorSettings, saved: dict[str, bytes]
) -> None:
    """None of them may end the process: a tree with a changed child would, unless its nodes were checked."""
    random = np.random.default_rng(0)
    segments, _ = separable(4)
    refused = 0
    for _ in range(100):
        try:
            estimator = settings.load(_changed(saved[settings.name], random), (ROWS, COLUMNS), GENRES)
        except UsageError:
            refused += 1
        else:
            assert np.allclose(np.exp(estimator.log_probabilities(segments)).sum(axis=1), 1.0, atol=1e-5)
    assert refused > 50


def _changed(data: bytes, random: np.random.Generator) -> bytes:
    """The archive `data` with one or two bytes of one file in it changed, with checksums that are right."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w") as archive:
        chosen = random.choice(source.namelist())
        for name in source.namelist():
            content = bytearray(source.read(name))
            for _ in range(random.integers(1, 3) if name == chosen else 0):
                content[random.integers(len(content))] = random.integers(256)
            archive.writestr(name, bytes(content))
    return target.getvalue()
