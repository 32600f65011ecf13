"""How far off a forecast was."""

from pathlib import Path

import pytest

from genre_batch.config import ForecastConfig
from genre_batch.engine.usage import Usage
from genre_batch.errors import UsageError
from genre_batch.run.forecast import Offer, ProbedStratum, ProbedTrack, forecast
from genre_batch.run.hindsight import hindsight, kept_forecast

EXPECTED = forecast(
    [ProbedStratum(100, (ProbedTrack(1.0, 500, 2),) * 3)], Offer(2.0, 0.0), shards=1, staged=0, listed=100
)


def test_ratios_are_of_what_this_process_did() -> None:
    usage = Usage(tracks=50, bytes_read=50_000, reads=50)
    usage.cpu_s = EXPECTED.cpu_hours.mean * 3600
    found = hindsight(EXPECTED, usage, wall_s=EXPECTED.hours.mean * 1800)
    assert found is not None
    assert (found.hours, found.cpu, found.bytes_read, found.reads) == pytest.approx((1.0, 2.0, 2.0, 0.5))
    assert "CPU a track 2.00" in found.summary()


def test_a_run_without_work_says_nothing() -> None:
    assert hindsight(EXPECTED, Usage(), 1.0) is None


def test_a_forecast_is_kept_and_found(tmp_path: Path) -> None:
    kept = tmp_path / "forecast.json"
    kept.write_text(EXPECTED.model_dump_json())
    assert kept_forecast(ForecastConfig(file=str(kept))) == EXPECTED
    assert kept_forecast(ForecastConfig()) is None


@pytest.mark.parametrize(("content", "told"), [(None, "there is no forecast in"), ("{}", "not a forecast")])
def test_what_is_no_forecast_is_told_before_work(content: str | None, told: str, tmp_path: Path) -> None:
    file = tmp_path / "forecast.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match=told):
        kept_forecast(ForecastConfig(file=str(file)))
