"""Forecasts: extrapolation from a sample, money from a price list, and how both read."""

from pathlib import Path

import numpy as np
import pytest

from genre_batch.config import load
from genre_batch.errors import UsageError
from genre_batch.forecast.forecast import (
    Allocation,
    Forecast,
    PriceList,
    ProbedStratum,
    ProbedTrack,
    estimate_total,
    make_forecast,
    with_money,
)


def test_a_negative_price_or_an_unknown_key_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text("core_hour: -1.0\ncores_hour: 1.0\n")
    with pytest.raises(UsageError, match=r"core_hour: .*cores_hour: unknown key"):
        load(PriceList, str(file))


def stratum(tracks: int, *cpu_s: float) -> ProbedStratum:
    return ProbedStratum(tracks, tuple(ProbedTrack(each, bytes_read=1_000_000, reads=2) for each in cpu_s))


def forecast(*strata: ProbedStratum, gpus: float = 1.0) -> Forecast:
    strata = strata or (stratum(900, 0.1, 0.3), stratum(100, 1.0, 1.0))
    return make_forecast(strata, Allocation(cores=4.0, gpus=gpus), shards=10, staged=7, listed=2500)


def test_a_total_is_the_sum_over_formats() -> None:
    estimate = estimate_total([stratum(900, 0.1, 0.3), stratum(100, 1.0, 1.0)], lambda track: track.cpu_s)
    assert estimate.mean == pytest.approx(280.0)
    assert 0.0 <= estimate.low < estimate.mean < estimate.high


def test_when_every_track_was_tried_the_total_is_exact() -> None:
    estimate = estimate_total([stratum(3, 0.1, 0.2, 0.6), stratum(1, 2.0)], lambda track: track.cpu_s)
    assert (estimate.low, estimate.mean, estimate.high) == pytest.approx((2.9, 2.9, 2.9))


def test_the_interval_holds_the_true_total_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    costs_s = [random.gamma(9.0, 0.01, 4000), random.gamma(9.0, 0.04, 1000)]
    held = 0
    for _ in range(400):
        strata = [stratum(len(each), *random.choice(each, 12, replace=False)) for each in costs_s]
        estimate = estimate_total(strata, lambda track: track.cpu_s)
        held += estimate.low <= sum(each.sum() for each in costs_s) <= estimate.high
    assert 0.91 <= held / 400 <= 0.98


def test_hours_cores_and_requests_follow_from_the_total() -> None:
    plan = forecast()
    assert plan.core_hours.mean == pytest.approx(4 * plan.hours.mean)
    assert plan.gpu_hours == plan.hours
    assert plan.cpu_hours.mean * 3600 > 280.0
    assert plan.hours.mean * 3600 > 280.0 / 4
    assert (plan.tracks, plan.probed, plan.reads.mean, plan.bytes_read.mean) == (1000, 4, 2000.0, 1e9)
    assert plan.writes == 3 * 10 + 7 + 3


def test_money_is_what_the_price_list_says() -> None:
    prices = PriceList(currency="EUR", core_hour=1.0, gpu_hour=10.0, thousand_reads=1.0, thousand_writes=100.0)
    plan = with_money(forecast(), prices)
    assert plan.money is not None
    assert plan.money.mean == pytest.approx(plan.core_hours.mean + 10 * plan.hours.mean + 2.0 + 4.0)
    assert plan.money.low < plan.money.mean < plan.money.high
    assert "EUR" in plan.summary()
    assert "EUR" not in forecast().summary()


def test_bytes_that_leave_the_region_cost_money() -> None:
    plan = with_money(forecast(), PriceList(core_hour=0.0, gigabyte_read=0.02))
    assert plan.money is not None
    assert (plan.money.low, plan.money.mean, plan.money.high) == pytest.approx((0.02, 0.02, 0.02))


def test_without_a_tried_track_there_is_no_forecast() -> None:
    with pytest.raises(ValueError, match="no track"):
        forecast(stratum(5))


def test_the_summary_has_readable_units() -> None:
    summary = with_money(forecast(gpus=0.0), PriceList(core_hour=3600.0)).summary()
    assert summary.splitlines() == [
        "forecast from 4 tracks tried, for a run on 4 cores:",
        "  time       about 83 s (8 s to 3.1 min)",
        "  core time  5.5 min (32 s to 12 min)",
        "  data read  1.0 GB",
        "  reads      2,000",
        "  writes     40",
        "  cost, USD  332 (32 to 745)",
    ]


def test_a_single_tried_track_gives_no_interval_and_the_summary_says_so() -> None:
    summary = forecast(stratum(900, 0.1), gpus=0.0).summary()
    assert " to " not in summary.splitlines()[1]
    assert summary.endswith("too few tracks were tried to tell how far off this may be; try more: forecast.tracks")


def test_when_every_track_was_tried_the_summary_does_not_ask_for_more() -> None:
    assert "too few" not in forecast(stratum(2, 0.1, 0.2)).summary()
