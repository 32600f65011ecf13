"""What machines and requests cost, for a forecast and for the cost so far of a run."""

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat

from genre_batch.config import ForecastConfig, load
from genre_batch.engine.telemetry import Held, costs_nothing


class PriceList(BaseModel):
    """Prices in one currency, from a YAML file that users edit; see configs/prices/.

    core_hour: one CPU core for an hour. gpu_hour: one GPU for an hour, without its cores. thousand_reads: 1,000 read
    requests. thousand_writes: 1,000 write or list requests. gigabyte_read: 10^9 bytes from storage to the cluster.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    currency: str = Field(default="USD", min_length=1, max_length=8)
    core_hour: NonNegativeFloat
    gpu_hour: NonNegativeFloat = 0.0
    thousand_reads: NonNegativeFloat = 0.0
    thousand_writes: NonNegativeFloat = 0.0
    gigabyte_read: NonNegativeFloat = 0.0

    def total(self, *, core_hours: float, gpu_hours: float, reads: float, writes: float, bytes_read: float) -> float:
        """What all of this costs together."""
        requests = reads * self.thousand_reads / 1000 + writes * self.thousand_writes / 1000
        return (
            core_hours * self.core_hour + gpu_hours * self.gpu_hour + requests + bytes_read * self.gigabyte_read / 1e9
        )


def read_prices(config: ForecastConfig) -> PriceList | None:
    """The price list that the settings name, if they name one. Raises UsageError if it cannot be read."""
    return load(PriceList, config.prices, what="price list") if config.prices else None


def costing(config: ForecastConfig) -> Callable[[Held], float]:
    """A function from what a run has used to its cost; 0 without a price list. Raises as `read_prices` does."""
    prices = read_prices(config)
    if prices is None:
        return costs_nothing
    return lambda held: prices.total(
        core_hours=held.core_hours,
        gpu_hours=held.gpu_hours,
        reads=held.reads,
        writes=held.writes,
        bytes_read=held.bytes_read,
    )
