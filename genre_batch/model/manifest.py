"""bundle.json: everything about a model but its weights."""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from genre_batch.features.front_end import FrontEnd
from genre_batch.model.architecture import Architecture, FileName
from genre_batch.model.calibration import Calibration
from genre_batch.model.pooling import Pooling
from genre_batch.model.taxonomy import Taxonomy

BUNDLE_SCHEMA_VERSION: Final = 1

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class BundleManifest(BaseModel):
    """`thresholds`: the least probability a genre is answered with; an empty mapping never abstains.

    `metrics` and `training` are for the reader of the model card: figures by name, and how the model was made.
    `trained_on`: the beginning of the sha256 of each training track's bytes, so that an evaluation on the same tracks
    can be told from an honest one. `leaky`: its figures come from a split with pieces of one track on both sides, and
    say nothing about new music. `curves`: figures by epoch, by name. `files`: sha256 of each file beside bundle.json.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: Literal[1] = BUNDLE_SCHEMA_VERSION
    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9._-]{0,63}$")]
    architecture: Architecture
    front_end: FrontEnd
    taxonomy: Taxonomy
    calibration: Calibration = Calibration()
    thresholds: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    pooling: Pooling = "mean_probability"
    metrics: dict[str, FiniteFloat] = Field(default_factory=dict)
    training: dict[str, str] = Field(default_factory=dict)
    leaky: bool = False
    curves: dict[str, list[FiniteFloat]] = Field(default_factory=dict)
    trained_on: list[Annotated[str, Field(pattern="^[0-9a-f]{16}$")]] = Field(default_factory=list)
    files: dict[FileName, Sha256] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _thresholds_name_genres(self) -> Self:
        unknown = sorted(set(self.thresholds) - set(self.taxonomy.genres))
        if unknown:
            raise ValueError(f"thresholds name a genre that is not in the taxonomy: {unknown[0]!r}")
        return self


def key_path(location: tuple[int | str, ...]) -> str:
    """The dotted key that a fault of validation is at; pydantic also names the kind of a union, which is no key."""
    kind_at = 1 if location and location[0] in ("front_end", "architecture") else len(location)
    return ".".join(str(part) for place, part in enumerate(location) if place != kind_at)
