"""How far off a forecast was, once the run has finished."""

from pydantic import ValidationError

from genre_batch.config import ForecastConfig
from genre_batch.engine.usage import Usage
from genre_batch.errors import UsageError
from genre_batch.forecast.forecast import Forecast
from genre_batch.run.run_report import ForecastRatios
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import ObjectGone


def read_forecast(config: ForecastConfig) -> Forecast | None:
    """The forecast that `--plan` saved, or None if the settings name no file.

    Raises UsageError if the file does not exist or is not a forecast.
    """
    if config.file is None:
        return None
    try:
        return Forecast.model_validate_json(open_store(config.file).read(config.file))
    except (ObjectGone, ValidationError) as error:
        missing = isinstance(error, ObjectGone)
        message = f"{config.file} does not exist" if missing else f"{config.file} is not a forecast"
        raise UsageError(message, "make a forecast with the same settings and --plan") from error


def forecast_error(forecast: Forecast | None, usage: Usage, wall_s: float) -> ForecastRatios | None:
    """Actual over forecast for what this process did; None without a forecast, or if either is of no track at all."""
    if forecast is None or not usage.tracks or not forecast.tracks:
        return None
    share = usage.tracks / forecast.tracks
    return ForecastRatios(
        hours=_ratio(wall_s / 3600, forecast.hours.mean * share),
        cpu=_ratio(usage.cpu_s / 3600, forecast.cpu_hours.mean * share),
        bytes_read=_ratio(usage.bytes_read, forecast.bytes_read.mean * share),
        reads=_ratio(usage.reads, forecast.reads.mean * share),
        cost=_ratio(usage.cost, forecast.money.mean * share) if forecast.money and usage.cost else None,
    )


def _ratio(actual: float, expected: float) -> float:
    return actual / expected if expected else float(actual == expected)
