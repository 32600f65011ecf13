"""The closed, ordered list of genres a model can answer."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Taxonomy(BaseModel):
    """`genres[i]` names output i of the network."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    genres: list[Annotated[str, Field(min_length=1)]] = Field(min_length=2)

    @model_validator(mode="after")
    def _no_genre_twice(self) -> Self:
        if len(set(self.genres)) != len(self.genres):
            raise ValueError("a genre stands in the list twice")
        return self
