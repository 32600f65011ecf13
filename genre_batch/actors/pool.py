"""How many actors of a kind a run has."""

from typing import Self

from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator


class Pool(BaseModel):
    """At least `min_size` actors, and at most `max_size`; null leaves that to the cluster."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    min_size: PositiveInt = 1
    max_size: PositiveInt | None = None

    @model_validator(mode="after")
    def _sizes_that_go_together(self) -> Self:
        if self.max_size is not None and self.min_size > self.max_size:
            raise ValueError(f"min_size={self.min_size} is more than max_size={self.max_size}")
        return self
