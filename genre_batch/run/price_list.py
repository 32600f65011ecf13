"""What machines and storage cost: a file that users edit."""

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat


class PriceList(BaseModel):
    """Prices in one currency; see configs/prices/.

    core_hour: a CPU core for an hour. gpu_hour: a GPU for an hour, besides its cores. thousand_reads: requests that
    read. thousand_writes: requests that write or list. gigabyte_read: 10^9 bytes from storage to the cluster.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    currency: str = Field(default="USD", min_length=1, max_length=8)
    core_hour: NonNegativeFloat
    gpu_hour: NonNegativeFloat = 0.0
    thousand_reads: NonNegativeFloat = 0.0
    thousand_writes: NonNegativeFloat = 0.0
    gigabyte_read: NonNegativeFloat = 0.0
