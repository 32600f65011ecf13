"""Intervals against scipy's own and against data whose spread is known."""

import numpy as np
import pytest
from scipy import stats

from genre_batch.evaluation.intervals import LEAST_ARTISTS, Interval, fold_interval, grouped_bootstrap


def test_the_interval_of_folds_is_that_of_students_t() -> None:
    values = [0.55, 0.61, 0.58, 0.66, 0.52]
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    interval = fold_interval(values)
    assert (interval.mean, interval.low, interval.high) == pytest.approx((np.mean(values), low, high))


def test_it_stays_within_what_a_figure_can_be() -> None:
    assert fold_interval([0.25, 0.75]) == Interval(mean=0.5, low=0.0, high=1.0)


def test_one_value_has_no_interval_and_none_is_an_error() -> None:
    assert fold_interval([0.4]) == Interval(mean=0.4, low=None, high=None)
    with pytest.raises(ValueError, match="at least one"):
        fold_interval([])


def test_single_tracks_give_the_interval_of_a_share() -> None:
    right = np.arange(400) % 4 > 0
    interval = grouped_bootstrap(lambda rows: float(right[rows].mean()), [str(track) for track in range(400)])
    reach = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert interval.mean == 0.75
    assert interval.low == pytest.approx(0.75 - reach, abs=0.01)
    assert interval.high == pytest.approx(0.75 + reach, abs=0.01)


def test_artists_that_are_all_right_or_all_wrong_widen_it() -> None:
    """Twenty artists with twenty tracks each say no more than twenty tracks."""
    artists = np.arange(400) // 20
    right = artists % 4 > 0
    interval = grouped_bootstrap(lambda rows: float(right[rows].mean()), [str(artist) for artist in artists])
    assert interval.low is not None
    assert interval.high is not None
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * np.sqrt(0.75 * 0.25 / 20), rel=0.15)


def test_the_same_tracks_give_the_same_interval() -> None:
    right = np.random.default_rng(1).random(60) < 0.6
    groups = [f"artist:{number % 17}" for number in range(60)]
    first, second = (grouped_bootstrap(lambda rows: float(right[rows].mean()), groups) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("artists", [1, 2, LEAST_ARTISTS - 1])
def test_few_artists_have_no_interval(artists: int) -> None:
    right = np.arange(12) % 3 > 0
    groups = [str(track % artists) for track in range(12)]
    interval = grouped_bootstrap(lambda rows: float(right[rows].mean()), groups)
    assert interval == Interval(mean=right.mean(), low=None, high=None)
    assert interval.text(str) == "too few artists to tell"


def test_a_figure_that_never_varies_has_no_interval() -> None:
    interval = grouped_bootstrap(lambda rows: 1.0, [str(track) for track in range(30)])
    assert interval == Interval(mean=1.0, low=None, high=None)
    assert Interval(mean=0.5, low=0.25, high=0.75).text(str) == "95 %: 0.25 to 0.75"


def test_an_artist_is_drawn_with_all_its_tracks_and_as_often_as_the_others() -> None:
    groups = ["b", "a", "c", "a", "d", "e", "b", "b"]
    seen: list[list[int]] = []

    def keep(rows: np.ndarray) -> float:
        seen.append(rows.tolist())
        return float(len(rows))

    grouped_bootstrap(keep, groups, resamples=2000)
    members = {name: {row for row, group in enumerate(groups) if group == name} for name in groups}
    times = dict.fromkeys(members, 0)
    for rows in seen[1:]:
        drawn = 0
        for name, own in members.items():
            counts = {rows.count(row) for row in own}
            assert len(counts) == 1
            times[name] += counts.copy().pop()
            drawn += counts.pop()
        assert drawn == 5
    assert all(count == pytest.approx(2000, abs=200) for count in times.values())


def test_resamples_without_a_figure_do_not_count() -> None:
    values = np.arange(40.0)
    groups = [str(track) for track in range(40)]
    odd = grouped_bootstrap(lambda rows: float(values[rows].mean()) if rows[0] % 2 else float("nan"), groups)
    assert odd.low is not None
    assert odd.low < values.mean() < odd.high  # type: ignore[operator]


FOLD_FIGURES = [0.5, 0.6, 0.7, 0.55, 0.65]


def test_repeating_a_cross_validation_does_not_narrow_the_interval() -> None:
    once, thrice = fold_interval(FOLD_FIGURES), fold_interval(FOLD_FIGURES * 3, len(FOLD_FIGURES))
    assert once.low is not None
    assert thrice.low is not None
    assert thrice.mean == pytest.approx(once.mean)
    assert thrice.low == pytest.approx(once.low, abs=0.02)
    assert fold_interval(FOLD_FIGURES * 3).low > thrice.low  # type: ignore[operator]
