"""How far off a forecast was, once the run is done."""

from pydantic import BaseModel, ConfigDict, ValidationError

from genre_batch.config import ForecastConfig
from genre_batch.engine.usage import Usage
from genre_batch.errors import UsageError
from genre_batch.run.forecast import Forecast
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import ObjectGone


class Hindsight(BaseModel):
    """What the run took over what was forecast; 1.1 means a tenth more. Where fewer tracks were left, so is less.

    hours: from start to end. cpu, bytes_read, reads: by track.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    hours: float
    cpu: float
    bytes_read: float
    reads: float

    def summary(self) -> str:
        """The ratios in one line for people."""
        return (
            f"over the forecast: hours {self.hours:.2f}, CPU a track {self.cpu:.2f}, "
            f"bytes a track {self.bytes_read:.2f}, reads a track {self.reads:.2f}"
        )


def kept_forecast(config: ForecastConfig) -> Forecast | None:
    """The forecast that `--plan` kept; None where the settings name no file. Raises UsageError where it is none."""
    if config.file is None:
        return None
    try:
        return Forecast.model_validate_json(open_store(config.file).read(config.file))
    except (ObjectGone, ValidationError) as error:
        fault = "there is no forecast in" if isinstance(error, ObjectGone) else "not a forecast:"
        raise UsageError(f"{fault} {config.file}", "make one with the same settings and --plan") from error


def hindsight(made: Forecast, usage: Usage, wall_s: float) -> Hindsight | None:
    """The ratios for what this process did; None where it had no track to do, or the forecast had none."""
    if not usage.tracks or not made.tracks:
        return None
    share = usage.tracks / made.tracks
    return Hindsight(
        hours=_ratio(wall_s / 3600, made.hours.mean * share),
        cpu=_ratio(usage.cpu_s / 3600, made.cpu_hours.mean * share),
        bytes_read=_ratio(usage.bytes_read, made.bytes_read.mean * share),
        reads=_ratio(usage.reads, made.reads.mean * share),
    )


def _ratio(taken: float, expected: float) -> float:
    return taken / expected if expected else float(taken == expected)
