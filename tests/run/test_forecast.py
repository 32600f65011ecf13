"""The forecast against totals that are known, and its interval against how often it holds them."""

import numpy as np
import pytest

from genre_batch.run.forecast import Forecast, Offer, ProbedStratum, ProbedTrack, forecast, priced, total
from genre_batch.run.price_list import PriceList


def stratum(tracks: int, *cpu_s: float) -> ProbedStratum:
    return ProbedStratum(tracks, tuple(ProbedTrack(each, bytes_read=1_000_000, reads=2) for each in cpu_s))


def made() -> Forecast:
    return forecast(
        [stratum(900, 0.1, 0.3), stratum(100, 1.0, 1.0)], Offer(cores=4.0, gpus=1.0), shards=10, staged=7, listed=2500
    )


def test_a_total_is_the_sum_over_formats() -> None:
    estimate = total([stratum(900, 0.1, 0.3), stratum(100, 1.0, 1.0)], lambda track: track.cpu_s)
    assert estimate.mean == pytest.approx(280.0)
    assert 0.0 <= estimate.low < estimate.mean < estimate.high


def test_where_all_tracks_were_tried_nothing_is_unsure() -> None:
    estimate = total([stratum(3, 0.1, 0.2, 0.6), stratum(1, 2.0)], lambda track: track.cpu_s)
    assert (estimate.low, estimate.mean, estimate.high) == pytest.approx((2.9, 2.9, 2.9))


def test_the_interval_holds_the_true_total_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    costs_s = [random.gamma(9.0, 0.01, 4000), random.gamma(9.0, 0.04, 1000)]
    held = 0
    for _ in range(400):
        strata = [stratum(len(each), *random.choice(each, 12, replace=False)) for each in costs_s]
        estimate = total(strata, lambda track: track.cpu_s)
        held += estimate.low <= sum(each.sum() for each in costs_s) <= estimate.high
    assert 0.91 <= held / 400 <= 0.98


def test_hours_cores_and_requests_follow_from_the_total() -> None:
    plan = made()
    assert plan.core_hours.mean == pytest.approx(4 * plan.hours.mean)
    assert plan.gpu_hours == plan.hours
    assert plan.cpu_hours.mean * 3600 > 280.0
    assert plan.hours.mean * 3600 > 280.0 / 4
    assert (plan.tracks, plan.probed, plan.reads.mean, plan.bytes_read.mean) == (1000, 4, 2000.0, 1e9)
    assert plan.writes == 3 * 10 + 7 + 3


def test_money_is_what_the_price_list_says() -> None:
    prices = PriceList(currency="EUR", core_hour=1.0, gpu_hour=10.0, thousand_reads=1.0, thousand_writes=100.0)
    plan = priced(made(), prices)
    assert plan.money is not None
    assert plan.money.mean == pytest.approx(plan.core_hours.mean + 10 * plan.hours.mean + 2.0 + 4.0)
    assert plan.money.low < plan.money.mean < plan.money.high
    assert "EUR" in plan.summary()
    assert "EUR" not in made().summary()


def test_bytes_cost_where_they_leave_the_region() -> None:
    plan = priced(made(), PriceList(core_hour=0.0, gigabyte_read=0.02))
    assert plan.money is not None
    assert (plan.money.low, plan.money.mean, plan.money.high) == pytest.approx((0.02, 0.02, 0.02))


def test_nothing_tried_is_no_forecast() -> None:
    with pytest.raises(ValueError, match="no track"):
        forecast([stratum(5)], Offer(1.0, 0.0), shards=1, staged=0, listed=5)
