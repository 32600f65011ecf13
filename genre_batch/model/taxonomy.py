"""The closed, ordered list of genres a model can answer."""

from pydantic import BaseModel, ConfigDict, Field


class Taxonomy(BaseModel):
    """`genres[i]` names output i of the network."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    genres: list[str] = Field(min_length=2)
