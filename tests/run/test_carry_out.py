"""What limits a start reaches the work of its passes."""

import time
from datetime import UTC, datetime

import pytest

from genre_batch.engine.budget import Budget
from genre_batch.engine.telemetry import NOTHING_HELD, Held
from genre_batch.engine.usage import Usage
from genre_batch.engine.workload import Workload
from genre_batch.run.carry_out import StartLimits
from genre_batch.run.run_report import ForecastRatios
from genre_batch.schedule.finish_time import FinishTime

RATIOS = ForecastRatios(hours=1.5, cpu=1.0, bytes_read=1.0, reads=1.0, cost=None)


def limits(finish_by: str | None, max_core_hours: float | None) -> StartLimits:
    def cost(_held: Held) -> float:
        return 2.5

    finish = FinishTime(finish_by, datetime.now(UTC), time.monotonic)
    return StartLimits(finish, Budget(max_core_hours, None, cost), cost, "EUR", lambda _usage, _wall_s: RATIOS)


def work() -> Workload:
    return Workload([], 0, None, lambda _start, _stop: [], lambda *_: None, lambda *_: None)


@pytest.mark.parametrize(("finish_by", "late"), [("0s", True), ("6h", False), (None, False)])
def test_work_is_put_off_once_the_time_is_up(finish_by: str | None, late: bool) -> None:
    limited = limits(finish_by, None).on(work())
    assert limited.put_off is not None
    assert (limited.put_off() is not None) is late
    assert (limited.labels.finish_by_s > 0) is (finish_by is not None)
    assert limited.labels.cost(NOTHING_HELD) == 2.5


@pytest.mark.parametrize("max_core_hours", [None, 3.0])
def test_only_a_budget_that_somebody_set_is_asked(max_core_hours: float | None) -> None:
    assert (limits(None, max_core_hours).on(work()).is_used is None) is (max_core_hours is None)


def test_a_forecast_is_compared_with_one_pass_only() -> None:
    one = limits(None, None)
    assert one.forecast_error(Usage(), 1.0) == RATIOS
    assert one.of_several_passes().forecast_error(Usage(), 1.0) is None
