"""How far off a forecast was."""

from pathlib import Path

import pytest

from genre_batch.config import ForecastConfig
from genre_batch.engine.usage import Usage
from genre_batch.errors import UsageError
from genre_batch.forecast.forecast import Allocation, ProbedStratum, ProbedTrack, make_forecast
from genre_batch.forecast.forecast_error import forecast_error, read_forecast

EXPECTED = make_forecast(
    [ProbedStratum(100, (ProbedTrack(1.0, 500, 2),) * 3)], Allocation(2.0, 0.0), shards=1, staged=0, listed=100
)


def test_ratios_are_of_what_this_process_did() -> None:
    usage = Usage(tracks=50, bytes_read=50_000, reads=50)
    usage.cpu_s = EXPECTED.cpu_hours.mean * 3600
    found = forecast_error(EXPECTED, usage, wall_s=EXPECTED.hours.mean * 1800)
    assert found is not None
    assert (found.hours, found.cpu, found.bytes_read, found.reads) == pytest.approx((1.0, 2.0, 2.0, 0.5))
    assert "CPU per track 2.00" in found.summary()


def test_a_run_without_work_or_forecast_has_no_ratios() -> None:
    assert forecast_error(EXPECTED, Usage(), 1.0) is None
    assert forecast_error(None, Usage(tracks=1), 1.0) is None


def test_a_saved_forecast_is_read_back(tmp_path: Path) -> None:
    saved = tmp_path / "forecast.json"
    saved.write_text(EXPECTED.model_dump_json())
    assert read_forecast(ForecastConfig(file=str(saved))) == EXPECTED
    assert read_forecast(ForecastConfig()) is None


@pytest.mark.parametrize(("content", "message"), [(None, "does not exist"), ("{}", "is not a forecast")])
def test_a_file_that_is_not_a_forecast_is_an_error(content: str | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "forecast.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match=message):
        read_forecast(ForecastConfig(file=str(file)))
