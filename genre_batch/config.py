"""The settings of a run, and how the settings of any verb are loaded from YAML, overridden, and dumped."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Self, TypeVar

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from genre_batch.catalog.name_patterns import DEFAULT_PATTERNS, Globs
from genre_batch.catalog.reject import RejectReason
from genre_batch.errors import UsageError
from genre_batch.model.bundle import DEFAULT_BUNDLE, BundleLocation
from genre_batch.publish.publish_settings import PublishSettings
from genre_batch.schedule.finish_time import FinishBy
from genre_batch.settings.faults import fault
from genre_batch.sink.plan import RunKind
from genre_batch.stages.predict import PredictPool
from genre_batch.stages.stage import ExtractPool
from genre_batch.storage.open_store import RequestPayer, UriOrPath

_LOG = logging.getLogger(__name__)
Config = TypeVar("Config", bound=BaseModel)
Yaml = str | int | float | bool | None | list["Yaml"] | dict[str, "Yaml"]


class _Loader(yaml.SafeLoader):
    """Reads 1e-9 as a number, as YAML 1.2 and JSON do; for YAML 1.1 it is a text, because it has no point."""


class _Dumper(yaml.SafeDumper):
    """Quotes texts that `_Loader` would read as numbers."""


for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
    )


def _reasons(names: object) -> object:
    """The reject reasons of these names. Raises UsageError, with all valid names, for an unknown one."""
    if not isinstance(names, str | list | tuple):
        return names
    names = [names] if isinstance(names, str) else names
    known = [str(reason) for reason in RejectReason]
    unknown = [str(name) for name in names if name not in known]
    if unknown:
        raise UsageError(f"there is no reject reason {unknown[0]!r} to retry", f"the reasons are {', '.join(known)}")
    return tuple(reason for reason in RejectReason if reason in names)


Reasons = Annotated[tuple[RejectReason, ...], BeforeValidator(_reasons)]
"""Reject reasons without duplicates, in the order of RejectReason."""


class JobConfig(BaseModel):
    """Settings of what runs on Ray.

    batch_tracks: tracks sent to an actor at once, at most; null for as many as suit the run. deadline_s: CPU time to
    decode one track, more on a slow processor. request_payer: "requester" for tracks in a requester-pays bucket.
    extract: the actors that read and decode. metrics_port: where a Ray that the run starts itself serves metrics for
    Prometheus; null: it serves none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    batch_tracks: PositiveInt | None = None
    deadline_s: PositiveFloat = 60.0
    request_payer: RequestPayer | None = None
    extract: ExtractPool = ExtractPool()
    metrics_port: int | None = Field(default=None, ge=1, le=65_535)


class ForecastConfig(BaseModel):
    """Settings of the forecast of `--plan`.

    tracks: about how many tracks of the catalog to try, 0 for none. prices: a price list; see configs/prices/; null for
    no costs. file: where `--plan` saves the forecast, and where the run reads it to report how far off it was.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tracks: NonNegativeInt = 24
    prices: UriOrPath | None = None
    file: UriOrPath | None = None


class TableConfig(JobConfig):
    """Settings of a run that fills a table; docs/scoring.md explains each.

    source: the tracks: an S3 prefix, a folder, the `manifest.json` of an S3 Inventory, that of its newest delivery as
    `.../*/manifest.json`, or a CSV or Parquet file with a column `uri`. include: take only the files of a prefix,
    folder or inventory that one of these patterns matches, such as "*.flac"; an empty list: all. exclude: leave out
    those that one of these matches; "default" means system files, images, texts, playlists and archives.
    output: the S3 prefix or folder of the table. shard_tracks: tracks that are committed together in one file; null for
    a size that suits the catalog. part_tracks: a larger shard is done in parts of this many tracks, which survive the
    death of the driver. max_reject_rate: the share of rejects above which the run is stopped or fails, with exit code
    3. max_denied_in_a_row: stop after this many consecutive access-denied tracks; null: never. retry: try again the
    tracks rejected for these reasons. run_kind: what the run is for: default, nightly or backfill; a run continues only
    one of its own kind. finish_by: a time of day or a duration, after which a run starts no new work and leaves the
    rest to the next one, fixed when the run is planned; null: never. max_core_hours, max_cost: what one start of a run
    may use, in hours of reserved cores and by the price list of `forecast.prices`; then it starts no new parts, and the
    next start goes on; null: no limit. beside_unfinished: start a run even if one over this source with another bundle
    is unfinished. forecast: what `--plan` tries.
    """

    source: UriOrPath
    output: UriOrPath
    include: Globs = ()
    exclude: Globs = (DEFAULT_PATTERNS,)
    shard_tracks: PositiveInt | None = None
    part_tracks: PositiveInt | None = None
    max_reject_rate: float = Field(default=0.25, ge=0.0, le=1.0)
    max_denied_in_a_row: PositiveInt | None = 20
    retry: Reasons = ()
    run_kind: RunKind = "default"
    finish_by: FinishBy | None = None
    max_core_hours: PositiveFloat | None = None
    max_cost: PositiveFloat | None = None
    beside_unfinished: bool = False
    forecast: ForecastConfig = ForecastConfig()

    @model_validator(mode="after")
    def _cost_has_prices(self) -> Self:
        if self.max_cost is not None and self.forecast.prices is None:
            raise ValueError(
                "max_cost needs a price list: set forecast.prices to one, such as configs/prices/example.yaml"
            )
        return self


def _section(publish: object) -> object:
    """Expand `true` to the default settings of a publication and `false` to None; leave a section as it is."""
    if isinstance(publish, bool):
        return PublishSettings() if publish else None
    return publish


Publication = Annotated[
    PublishSettings | None, BeforeValidator(_section, json_schema_input_type=PublishSettings | bool | None)
]
"""How a run is published at its end; None: it is not."""


class ScoreConfig(TableConfig):
    """Settings of `genre-batch score`.

    bundle: the model: the name of a shipped bundle, such as `default`, or the folder of a bundle, here or on S3.
    bundles: several models in its place, as a list: each has a run of its own, and tracks are read and decoded once for
    all; an empty list: the one of `bundle`. predict: the actors that run the model. min_precision: abstain where fewer
    of the answers would be right, by the thresholds that the bundle keeps for this precision (0.5, 0.6, 0.7, 0.8,
    0.9 or 0.95); null: as the bundle was trained, usually never. min_in_scope: abstain on tracks whose `in_scope` is
    below this, which are probably music of none of the genres, or no music; null: never for that reason.
    tags_above: fill the column `tags` with the tags above this probability, if the model knows any; null: leave it
    empty. Rows with other values of these count as those of another model. publish: serve the result if the rules of
    `publish` allow it; true, or its settings without `output`, such as {rules: {max_drift: 0.5}, delta: true}; false:
    do not.
    """

    bundle: BundleLocation = DEFAULT_BUNDLE
    bundles: Annotated[tuple[BundleLocation, ...], Field(strict=False)] = ()
    min_precision: float | None = Field(default=None, gt=0.0, lt=1.0)
    min_in_scope: float | None = Field(default=None, gt=0.0, lt=1.0)
    tags_above: float | None = Field(default=None, ge=0.0, lt=1.0)
    predict: PredictPool = PredictPool()
    publish: Publication = None

    @model_validator(mode="after")
    def _has_one_or_several_models(self) -> Self:
        if not self.bundles:
            return self
        if "bundle" in self.model_fields_set:
            raise ValueError("bundle and bundles exclude each other: leave out one of them")
        if len(set(self.bundles)) < len(self.bundles):
            raise ValueError(f"bundles names a model twice: {', '.join(self.bundles)}")
        if self.publish is not None:
            raise ValueError("publish serves one model: set bundle, not bundles, or use the verb `publish` afterwards")
        return self

    @model_serializer(mode="wrap")
    def _as_it_loads(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        fields: dict[str, object] = dump(self)
        fields |= {"publish": False} if fields.get("publish", False) is None else {}
        return {name: value for name, value in fields.items() if name != "bundle" or not self.bundles}

    def of_each_bundle(self) -> "list[ScoreConfig]":
        """The settings of the runs, one for each model."""
        bundles = self.bundles or (self.bundle,)
        return [self.model_copy(update={"bundle": bundle, "bundles": ()}) for bundle in bundles]


class FeaturesConfig(TableConfig):
    """Settings of `genre-batch features`. recipe: the name of a recipe, a file of train settings, or a bundle."""

    recipe: str = Field(default="descriptor_mlp", min_length=1)


def load(
    kind: type[Config],
    path: str | None,
    overrides: Sequence[str] = (),
    arguments: Mapping[str, str | Sequence[str] | None] | None = None,
    *,
    names: Mapping[str, str] | None = None,
    recipe: str | None = None,
    what: str = "configuration",
) -> Config:
    """The settings of one verb: the values of the file, overridden by `arguments`, then by the `a.b=value` overrides.

    names: how the command line calls settings, for messages. recipe: a file whose values hold where the file at `path`
    has none. what: what the file is, for messages. Raises UsageError, which names the file or the key at fault.
    """
    tree = (_read(recipe, "recipe") if recipe else {}) | (_read(path, what) if path else {})
    given = {key: value for key, value in (arguments or {}).items() if value is not None}
    tree |= {key: value if isinstance(value, str) else [*value] for key, value in given.items()}
    for override in overrides:
        _set(tree, override)
    try:
        config = kind.model_validate(tree)
    except ValidationError as error:
        raise fault(kind, error, names or {}, f"invalid {what}") from error
    _LOG.info("settings: %s", yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, default_flow_style=True))
    return config


def dump(config: BaseModel) -> str:
    """All settings as YAML, including defaults."""
    return yaml.dump(config.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def _read(path: str, what: str) -> dict[str, Yaml]:
    try:
        tree = _Loader(Path(path).read_text(encoding="utf-8")).get_single_data()
    except OSError as error:
        raise UsageError(f"cannot read the {what} {path}: {error.strerror}", "check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is not valid YAML: {' '.join(str(error).split())}", "fix the file") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise UsageError(f"{path} must hold keys and values", "see configs/ for examples")
    return tree


def _set(tree: dict[str, Yaml], override: str) -> None:
    """Set the value of the override `a.b=value`, read as YAML: `null`, `2`, `1e-9` and `true` have their types."""
    path, equals, value = override.partition("=")
    if not equals or not path:
        raise UsageError(f"--set {override!r} is not of the form key=value", "for example --set extract.max_size=8")
    *parents, leaf = path.split(".")
    node = tree
    for parent in parents:
        if node.get(parent) is True:  # a section with its defaults, such as `publish: true`
            node[parent] = {}
        child = node.setdefault(parent, {})
        if not isinstance(child, dict):
            raise UsageError(f"--set {path}: {parent} is a value, not a group of keys", f"for example --set {parent}=1")
        node = child
    try:
        node[leaf] = _Loader(value).get_single_data()
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"--set {path}: {value!r} is not a YAML value", "quote it") from error
