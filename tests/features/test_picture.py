"""Averages over areas keep what there is; decibels fill 0..1."""

import numpy as np
import pytest

from genre_batch.features.picture import area_means, even_means, unit_decibels


def test_areas_may_hold_several_cells_and_parts_of_cells() -> None:
    cells = np.array([1.0, 2.0, 4.0, 8.0])
    np.testing.assert_allclose(area_means(cells, np.array([0.0, 2.0, 2.5, 4.0])), [1.5, 4.0, (2.0 + 8.0) / 1.5])


def test_areas_within_one_cell_have_its_value() -> None:
    np.testing.assert_allclose(area_means(np.array([[3.0, 5.0]]), np.array([1.1, 1.2, 1.9])), [[5.0, 5.0]])


@pytest.mark.parametrize("n", [1, 3, 256, 257, 10_007])
def test_the_mean_of_all_cells_stays_what_it_was(n: int) -> None:
    cells = np.random.default_rng(n).random((3, n))
    np.testing.assert_allclose(even_means(cells, 256).mean(axis=1), cells.mean(axis=1))


def test_fewer_cells_than_areas_are_stretched() -> None:
    np.testing.assert_allclose(even_means(np.array([1.0, 3.0]), 4), [1.0, 1.0, 3.0, 3.0])


def test_decibels_reach_from_the_loudest_to_80_below_it() -> None:
    power = np.array([[1e-4, 1e-8, 1e-12, 1e-20, 0.0]])
    np.testing.assert_allclose(unit_decibels(power), [[1.0, 0.5, 0.0, 0.0, 0.0]], atol=1e-6)
    assert unit_decibels(power).dtype == np.float32


def test_silence_is_black() -> None:
    assert not unit_decibels(np.zeros((2, 3))).any()
