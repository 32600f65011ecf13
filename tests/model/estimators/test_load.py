"""What is loaded answers as what was saved, and nothing else is loaded."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save
from separable import COLUMNS, GENRES, ROWS, separable

from genre_batch.errors import UsageError
from genre_batch.model.architecture import (
    ClustersSettings,
    Estimator,
    ForestSettings,
    GaussianNeighboursSettings,
    NeighboursSettings,
    SvmSettings,
)
from genre_batch.model.estimators.fit import fit_estimator
from genre_batch.model.estimators.load import load_estimator

ALL = [
    ForestSettings(trees=10),
    SvmSettings(),
    NeighboursSettings(),
    ClustersSettings(clusters=6),
    GaussianNeighboursSettings(),
]
OF_SKOPS, OF_ARRAYS = ALL[:3], ALL[3:]


def _name(settings: Estimator) -> str:
    return settings.name


@pytest.fixture(scope="module")
def saved() -> dict[str, bytes]:
    return {settings.name: fit_estimator(settings, *separable(), GENRES, seed=0).weights() for settings in ALL}


class _Opens:
    """A pickle of it makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self._path), "w")


@pytest.mark.parametrize("settings", ALL, ids=_name)
def test_a_round_trip_changes_no_answer(settings: Estimator, saved: dict[str, bytes]) -> None:
    fitted = fit_estimator(settings, *separable(), GENRES, seed=0)
    loaded = load_estimator(settings, saved[settings.name], ROWS, COLUMNS, GENRES)
    segments, _ = separable(seed=1)
    assert np.array_equal(fitted.log_probabilities(segments), loaded.log_probabilities(segments))
    assert loaded.parameters == fitted.parameters > 0


@pytest.mark.parametrize("settings", ALL, ids=_name)
def test_segments_of_another_size_or_fewer_genres_are_refused(settings: Estimator, saved: dict[str, bytes]) -> None:
    for rows, columns, genres in ((ROWS + 1, COLUMNS, GENRES), (ROWS, COLUMNS, 4)):
        with pytest.raises(UsageError, match="do not fit its architecture"):
            load_estimator(settings, saved[settings.name], rows, columns, genres)


@pytest.mark.parametrize("settings", ALL, ids=_name)
@pytest.mark.parametrize("other", ALL, ids=_name)
def test_the_weights_of_another_classifier_are_refused(
    settings: Estimator, other: Estimator, saved: dict[str, bytes]
) -> None:
    if settings != other:
        with pytest.raises(UsageError):
            load_estimator(settings, saved[other.name], ROWS, COLUMNS, GENRES)


@pytest.mark.parametrize("settings", ALL, ids=_name)
def test_a_pickle_is_never_loaded(settings: Estimator, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    with pytest.raises(UsageError):
        load_estimator(settings, pickle.dumps(_Opens(canary)), ROWS, COLUMNS, GENRES)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as parts:
        parts.writestr("schema.json", pickle.dumps(_Opens(canary)))
    with pytest.raises(UsageError):
        load_estimator(settings, archive.getvalue(), ROWS, COLUMNS, GENRES)
    assert not canary.exists()


@pytest.mark.parametrize("settings", ALL, ids=_name)
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_a_part_of_a_file_is_damage(settings: Estimator, kept: float, saved: dict[str, bytes]) -> None:
    whole = saved[settings.name]
    with pytest.raises(UsageError):
        load_estimator(settings, whole[: int(kept * len(whole))], ROWS, COLUMNS, GENRES)


@pytest.mark.parametrize("settings", OF_ARRAYS, ids=_name)
def test_forged_arrays_are_refused(settings: Estimator, saved: dict[str, bytes]) -> None:
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
            load_estimator(settings, save(each), ROWS, COLUMNS, GENRES)
        refused += 1
    assert refused >= 6


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("settings", OF_SKOPS, ids=_name)
def test_changed_bytes_are_refused_or_answer_with_probabilities(settings: Estimator, saved: dict[str, bytes]) -> None:
    """None of them may end the process: a tree with a changed child would, unless its nodes were checked."""
    random = np.random.default_rng(0)
    segments, _ = separable(4)
    refused = 0
    for _ in range(100):
        try:
            estimator = load_estimator(settings, _changed(saved[settings.name], random), ROWS, COLUMNS, GENRES)
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
