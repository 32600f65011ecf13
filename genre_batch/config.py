"""One frozen tree of settings a verb: loaded from YAML, changed by `--set a.b=value`, dumped for the record."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Self, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from genre_batch.actors.extract import ExtractPool
from genre_batch.actors.predict import PredictPool
from genre_batch.catalog.reject import RejectReason
from genre_batch.errors import UsageError
from genre_batch.model.bundle import DEFAULT_BUNDLE
from genre_batch.model.manifest import key_path
from genre_batch.sink.run_facts import RunId
from genre_batch.storage.open_store import location

Config = TypeVar("Config", bound=BaseModel)
Location = Annotated[str, Field(min_length=1), AfterValidator(location)]
"""A URI or path; a relative path becomes absolute, since actors run in other folders and on other machines."""

BundleLocation = Annotated[
    str, Field(min_length=1), AfterValidator(lambda b: b if b == DEFAULT_BUNDLE else location(b))
]
"""The folder of a model bundle, or the name of the shipped one."""


def _reasons(names: object) -> object:
    """The reasons by their names. Raises UsageError, with all there are, for a name that is none of them."""
    if not isinstance(names, str | list | tuple):
        return names
    names = [names] if isinstance(names, str) else names
    known = [str(reason) for reason in RejectReason]
    unknown = [str(name) for name in names if name not in known]
    if unknown:
        raise UsageError(f"there is no reject reason {unknown[0]!r} to retry", f"there are {', '.join(known)}")
    return tuple(reason for reason in RejectReason if reason in names)


Reasons = Annotated[tuple[RejectReason, ...], BeforeValidator(_reasons)]
"""Reasons of rejects, each once, in the order of their table."""

Yaml = str | int | float | bool | None | list["Yaml"] | dict[str, "Yaml"]


class IndexConfig(BaseModel):
    """Settings of `genre-batch index`.

    labelled: the source is a labelled corpus, and the listing says its genres; see `catalog/corpora.py`.
    max_denied_in_a_row: so many objects of a catalog file one after the other that are denied, or cannot be read, end
    it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: Location
    output: Location
    labelled: bool = False
    max_denied_in_a_row: PositiveInt | None = 20


class JobConfig(BaseModel):
    """Settings of what runs on Ray's actors.

    batch_tracks: tracks sent to an actor at once. deadline_s: for decoding one track.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    batch_tracks: PositiveInt = 32
    deadline_s: PositiveFloat = 60.0
    extract: ExtractPool = ExtractPool()

    @property
    def predict_pool(self) -> PredictPool:
        """The actors that follow the extract actors: one that hands the features on."""
        return PredictPool(max_size=1, num_gpus=0.0, device="cpu")


class ForecastConfig(BaseModel):
    """What `--plan` tries before it says what a run will take.

    tracks: about how many of the catalog are tried, 0 for none. prices: a file of prices; see configs/prices/. file:
    where `--plan` keeps the forecast, and where the run finds it to say how far off it was.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tracks: NonNegativeInt = 24
    prices: Location | None = None
    file: Location | None = None


class TableConfig(JobConfig):
    """Settings of a run that fills a table; docs/scoring.md tells more of each.

    shard_tracks: tracks that are committed together, in one file; null is a size that suits the catalog. part_tracks:
    larger shards are done in parts of so many tracks, which a driver that dies does not lose.
    max_reject_rate: share of rejects above which the run is stopped, or ends, with exit code 3. max_denied_in_a_row: so
    many tracks one after the other that may not be read stop it. retry: reasons for which tracks were rejected for
    good, and are tried again. beside_unfinished: start a run although one over this source with another bundle is
    unfinished. forecast: what `--plan` tries.
    """

    source: Location
    output: Location
    shard_tracks: PositiveInt | None = None
    part_tracks: PositiveInt | None = None
    max_reject_rate: float = Field(default=0.25, ge=0.0, le=1.0)
    max_denied_in_a_row: PositiveInt | None = 20
    retry: Reasons = ()
    beside_unfinished: bool = False
    forecast: ForecastConfig = ForecastConfig()


class ScoreConfig(TableConfig):
    """Settings of `genre-batch score`."""

    bundle: BundleLocation = DEFAULT_BUNDLE
    predict: PredictPool = PredictPool()

    @property
    def predict_pool(self) -> PredictPool:
        """The actors that run the model."""
        return self.predict


class FeaturesConfig(TableConfig):
    """Settings of `genre-batch features`. recipe: the name of a recipe, a file of train settings, or a bundle."""

    recipe: str = Field(default="descriptor_mlp", min_length=1)


class EvaluateConfig(BaseModel):
    """Settings of `genre-batch evaluate`. html: the file of a page with pictures, null for none."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    bundle: BundleLocation = DEFAULT_BUNDLE
    source: Location
    html: Location | None = None


class ReportConfig(BaseModel):
    """Settings of `genre-batch report`, which writes the page of a run or of one track to the file `output`.

    source: the output of `genre-batch score`, and run_id one of its runs, null for the latest one. track: the track
    that is drawn instead, with the answer of `bundle`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: Location | None = None
    run_id: RunId | None = None
    track: Location | None = None
    bundle: BundleLocation = DEFAULT_BUNDLE
    output: Location

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.source is None) == (self.track is None):
            asked = "neither a run nor a track" if self.source is None else "both a run and a track"
            raise UsageError(f"{asked} to report on", "genre-batch report RUN_OUTPUT FILE, or --track TRACK FILE")
        return self


class VerifyConfig(BaseModel):
    """Settings of `genre-batch verify`.

    run_id: one run alone, null for all. etags: compare the tracks with their objects in the source, a request each.
    repair: move damage away and do again what is missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: Location
    run_id: RunId | None = None
    etags: bool = False
    repair: bool = False


class GcConfig(BaseModel):
    """Settings of `genre-batch gc`.

    delete: remove what is listed. unfinished: an unfinished run to give up. min_age_h: what a run left behind that was
    planned, or a temporary or foreign file that was written, less than so many hours ago is kept: somebody may be at
    work on it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: Location
    delete: bool = False
    unfinished: RunId | None = None
    min_age_h: float = Field(default=24.0, ge=0.0, le=1e6)


def load(
    kind: type[Config],
    path: str | None,
    overrides: Sequence[str] = (),
    arguments: Mapping[str, str | Sequence[str] | None] | None = None,
) -> Config:
    """The settings of one verb: the file's values, then the arguments given, then the `a.b=value` overrides.

    Raises UsageError that names the file and the key at fault.
    """
    tree = _read(path) if path else {}
    given = {key: value for key, value in (arguments or {}).items() if value is not None}
    tree |= {key: value if isinstance(value, str) else [*value] for key, value in given.items()}
    for override in overrides:
        _set(tree, override)
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        raise UsageError(_explain(error), _known_keys(kind, error)) from error


def dump(config: BaseModel) -> str:
    """The whole tree as YAML, defaults included."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _read(path: str) -> dict[str, Yaml]:
    try:
        tree = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the config file {path}: {error.strerror}", "check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}", "fix the file") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise UsageError(f"{path} must hold keys and values", "see configs/ for examples")
    return tree


def _set(tree: dict[str, Yaml], override: str) -> None:
    """Put the value of `a.b=value`, read as YAML (so `null`, `2` and `true` mean what they say), at its place."""
    path, equals, value = override.partition("=")
    if not equals or not path:
        raise UsageError(f"--set {override!r} is not of the form key=value", "for example --set extract.max_size=8")
    *parents, leaf = path.split(".")
    node = tree
    for parent in parents:
        child = node.setdefault(parent, {})
        if not isinstance(child, dict):
            raise UsageError(f"--set {path}: {parent} is a value, not a group of keys", f"for example --set {parent}=1")
        node = child
    try:
        node[leaf] = yaml.safe_load(value)
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"--set {path}: {value!r} is not a YAML value", "quote it") from error


def _known_keys(kind: type[BaseModel], error: ValidationError) -> str:
    """The keys beside the first one that is at fault."""
    where = ""
    for name in error.errors()[0]["loc"][:-1]:
        field = kind.model_fields.get(str(name))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            break
        kind, where = field.annotation, f"{where}{name}."
    return f"known keys: {', '.join(f'{where}{key}' for key in kind.model_fields)}"


def _explain(error: ValidationError) -> str:
    """All faults of a tree in one sentence, each with its path."""
    faults = [f"{key_path(fault['loc'])}: {_fault(fault['type'], fault['msg'])}" for fault in error.errors()]
    return "invalid configuration: " + "; ".join(faults)


def _fault(kind: str, message: str) -> str:
    words = {"extra_forbidden": "unknown key", "missing": "is required", "union_tag_not_found": "`name` is required"}
    message = message.removeprefix("Value error, ")
    return words.get(kind, message[:1].lower() + message[1:])
