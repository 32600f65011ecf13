"""bundle.json: everything about a model except its weights."""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, JsonValue, NonNegativeInt, model_validator

from genre_batch.features.front_end import FrontEnd
from genre_batch.features.front_end_base import BEFORE_THE_CHOICE
from genre_batch.features.segments import Segments
from genre_batch.model.architecture import Architecture
from genre_batch.model.classifier import FileName
from genre_batch.model.embedding import EmbeddingSettings
from genre_batch.model.scope import ScopeCalibration
from genre_batch.model.scores import NEVER, Calibration, Floats, Pooling, Taxonomy

BUNDLE_SCHEMA_VERSION: Final = 1

Thresholds = dict[str, Annotated[float, Field(ge=0, le=1)]]
"""The least probability that a genre is answered with, by genre."""

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class BundleManifest(BaseModel):
    """thresholds: an empty mapping never abstains. thresholds_at: those that reach a precision on held-out tracks, by
    that precision; scoring can choose them. scope: how `in_scope` is found; null if the classifier has no such score.

    embedding: null if the bundle has no projection for embeddings. metrics, training: for the reader of the model card:
    figures by name, and how the model was made. trained_on: the beginning of the sha256 of each training track's bytes,
    which shows whether an evaluation uses the same tracks. leaky: its figures come from a split with pieces of the same
    track on both sides, and say nothing about new music. curves: figures by epoch, by name. files: sha256 of each file
    beside bundle.json. weight_shapes: the shape of each array in model.safetensors, by name, as they were loaded when
    the golden vectors were made; empty if there is no such file, or the bundle was written before shapes were recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: Literal[1] = BUNDLE_SCHEMA_VERSION
    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9._-]{0,63}$")]
    architecture: Architecture
    front_end: FrontEnd
    taxonomy: Taxonomy
    calibration: Calibration = Calibration()
    thresholds: Thresholds = Field(default_factory=dict)
    thresholds_at: dict[Annotated[str, Field(pattern=r"^0\.\d+$")], Thresholds] = Field(default_factory=dict)
    scope: ScopeCalibration | None = None
    pooling: Pooling = "mean_probability"
    embedding: EmbeddingSettings | None = None
    metrics: dict[str, FiniteFloat] = Field(default_factory=dict)
    training: dict[str, str] = Field(default_factory=dict)
    leaky: bool = False
    curves: dict[str, list[FiniteFloat]] = Field(default_factory=dict)
    trained_on: list[Annotated[str, Field(pattern="^[0-9a-f]{16}$")]] = Field(default_factory=list)
    files: dict[FileName, Sha256] = Field(default_factory=dict)
    weight_shapes: dict[str, list[NonNegativeInt]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _front_end_of_earlier_versions(cls, tree: JsonValue) -> JsonValue:
        """A manifest without a setting was written before there was a choice."""
        if isinstance(tree, dict) and isinstance(tree.get("front_end"), dict):
            return {**tree, "front_end": {**BEFORE_THE_CHOICE, **tree["front_end"]}}  # type: ignore[dict-item]
        return tree

    @model_validator(mode="after")
    def _pooling_suits_the_front_end(self) -> Self:
        check_pooling(self.pooling, self.front_end)
        return self

    def loudness(self, segments: Segments) -> Floats | None:
        """What pooling weights `segments` [n, rows, columns] by, [n]; None if it does not."""
        return self.front_end.loudness(segments) if self.pooling == "loud_logits" else None

    def never_answers(self, thresholds: Thresholds) -> bool:
        """Whether the model would abstain on every track with these `thresholds`."""
        return all(thresholds.get(genre, 0.0) >= NEVER for genre in self.taxonomy.genres)

    @model_validator(mode="after")
    def _thresholds_name_genres(self) -> Self:
        named = {genre for thresholds in (self.thresholds, *self.thresholds_at.values()) for genre in thresholds}
        unknown = sorted(named - set(self.taxonomy.genres))
        if unknown:
            raise ValueError(f"thresholds name a genre that is not in the taxonomy: {unknown[0]!r}")
        return self


def check_pooling(pooling: Pooling, front_end: FrontEnd) -> None:
    """Raise ValueError if `pooling` needs what the segments of `front_end` do not have."""
    if pooling == "loud_logits" and not front_end.tells_loudness:
        raise ValueError(f"pooling: loud_logits needs the front end log_mel, not {front_end.name}")


def key_path(location: tuple[int | str, ...]) -> str:
    """The dotted key of a validation error. pydantic also names the member of a union, which is not a key."""
    kind_at = 1 if location and location[0] in ("front_end", "architecture") else len(location)
    return ".".join(str(part) for place, part in enumerate(location) if place != kind_at)
