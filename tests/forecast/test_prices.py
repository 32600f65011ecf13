"""What a run has cost so far."""

from pathlib import Path

import pytest

from genre_batch.config import ForecastConfig
from genre_batch.engine.telemetry import Held
from genre_batch.errors import UsageError
from genre_batch.forecast.prices import costing

HELD = Held(core_hours=10, gpu_hours=2, reads=5_000, writes=2_000, bytes_read=3_000_000_000)


def test_the_cost_is_the_sum_over_the_price_list(tmp_path: Path) -> None:
    prices = "{core_hour: 1, gpu_hour: 10, thousand_reads: 100, thousand_writes: 1000, gigabyte_read: 10000}"
    (tmp_path / "prices.yaml").write_text(prices)
    assert costing(ForecastConfig(prices=str(tmp_path / "prices.yaml")))(HELD) == 10 + 20 + 500 + 2_000 + 30_000


def test_without_a_price_list_nothing_costs() -> None:
    assert costing(ForecastConfig())(HELD) == 0


def test_a_price_list_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the price list"):
        costing(ForecastConfig(prices=str(tmp_path / "none.yaml")))
