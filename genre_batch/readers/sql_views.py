"""`genre-batch sql`: the rule of `table.py` for SQL engines, as statements that create tables and views.

The rule is the same for all engines, in SQL that all of them understand; only the tables it reads are declared
differently (`sql_engine.py`). The tests compare what it finds with `table.latest`.
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from genre_batch.catalog.reject import TRANSIENT
from genre_batch.catalog.source import user_errors
from genre_batch.errors import UsageError
from genre_batch.notices import say
from genre_batch.publish.pointer import Published, read_published
from genre_batch.publish.serving_rows import SERVING
from genre_batch.readers.sql_engine import ENGINES, EngineName, TableFiles
from genre_batch.sink.layout import SERVING_FOLDER, at
from genre_batch.sink.schema import REJECTS, SCORES
from genre_batch.storage.open_store import UriOrPath, open_store
from genre_batch.storage.store import Store
from genre_batch.storage.uri import is_s3

_TABLES = {"scores": SCORES, "rejects": REJECTS}
_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
_SERVED = """\
CREATE OR REPLACE VIEW {prefix}served AS
WITH newest AS (
  SELECT track_id, max(step) AS step FROM {prefix}serving GROUP BY track_id
)
SELECT s.* FROM {prefix}serving s
JOIN newest n ON n.track_id = s.track_id AND n.step = s.step
WHERE s.confidence IS NOT NULL"""
_ANSWERS = """\
CREATE OR REPLACE VIEW {prefix}answers AS
WITH outcomes AS (
  SELECT model, track_id, run_id FROM {prefix}scores
  UNION ALL
  SELECT r.model, r.track_id, r.run_id FROM {prefix}rejects r
  LEFT JOIN {prefix}scores s ON s.model = r.model AND s.track_id = r.track_id AND s.etag = r.etag{both_served}
  WHERE s.track_id IS NULL AND r.reason NOT IN ({transient})
),
newest AS (
  SELECT model, track_id, max(run_id) AS run_id FROM outcomes{where_served} GROUP BY model, track_id
)
SELECT s.* FROM {prefix}scores s
JOIN newest n ON n.model = s.model AND n.track_id = s.track_id AND n.run_id = s.run_id"""
_LIVE = """
WHERE s.model NOT IN (SELECT model_id FROM {prefix}serving WHERE step = (SELECT max(step) FROM {prefix}serving))
UNION ALL
SELECT s.* FROM {prefix}scores s
JOIN {prefix}served v ON v.model_id = s.model AND v.track_id = s.track_id AND v.run_id = s.run_id"""
_UNANSWERED = """\
CREATE OR REPLACE VIEW {prefix}unanswered AS
WITH newest AS (
  SELECT model, track_id, max(run_id) AS run_id FROM {prefix}rejects GROUP BY model, track_id
)
SELECT r.* FROM {prefix}rejects r
JOIN newest n ON n.model = r.model AND n.track_id = r.track_id AND n.run_id = r.run_id
LEFT JOIN {prefix}answers a ON a.model = r.model AND a.track_id = r.track_id
WHERE a.track_id IS NULL"""


class SqlConfig(BaseModel):
    """Settings of `genre-batch sql`.

    output: the output of `score`. engine: which SQL to write. prefix: what the names of the tables and views begin
    with; it may name a schema, as in `music.genre_`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: UriOrPath
    engine: EngineName = "duckdb"
    prefix: Annotated[str, Field(pattern=rf"^({_IDENTIFIER}\.){{0,2}}{_IDENTIFIER}$", max_length=200)] = "genre_"


class SqlViews(BaseModel):
    """The statements that create the tables and views, in their order, without semicolons.

    The views are `answers`, with the current answer for each track and model, and `unanswered`, with the newest reject
    of each track and model without one; once something was published, also `served`, with the newest row of each track
    in the serving table, without tracks that have no answer any more. All of them follow what is published.
    """

    model_config = ConfigDict(frozen=True)

    engine: EngineName
    models: tuple[str, ...]
    statements: tuple[str, ...]

    def summary(self) -> str:
        """The statements as a script."""
        return "\n\n".join(f"{statement};" for statement in self.statements)


def sql_views(config: SqlConfig) -> SqlViews:
    """The statements for this output as it is now.

    Raises UsageError for an output without a table of scores, or an engine that cannot read it.
    """
    engine = ENGINES[config.engine]
    if engine.only_s3 and not is_s3(config.output):
        raise UsageError(
            f"{config.engine} cannot read {config.output!r}, which is not on S3", "use --engine duckdb or spark"
        )
    store = open_store(config.output)
    dates = {name: _dates(store, config.output, name) for name in _TABLES}
    models = sorted({model for found in dates.values() for model in found})
    if not models:
        raise UsageError(f"there are no scores at {config.output!r}", "give the OUTPUT of `genre-batch score`")
    first_dt = min(dt for found in dates.values() for each in found.values() for dt in each)
    statements: list[str] = []
    for name, columns in _TABLES.items():
        files = TableFiles(config.output, name, columns, models, first_dt, is_empty=not dates[name])
        statements += engine.declare(f"{config.prefix}{name}", files)
        if files.is_empty and not engine.finds_new_files:
            say(f"there are no {name} yet: print the statements again after a run that has some")
    days = _days(store, config.output)
    if days:
        serving = TableFiles(config.output, "serving", SERVING, models, days[0], is_empty=False)
        statements += [*engine.declare(f"{config.prefix}serving", serving), _SERVED.format(prefix=config.prefix)]
    statements += _views(config, read_published(store, config.output), is_live=bool(days))
    return SqlViews(engine=config.engine, models=tuple(models), statements=tuple(statements))


def _views(config: SqlConfig, published: Published | None, *, is_live: bool) -> Iterator[str]:
    transient = ", ".join(f"'{reason.value}'" for reason in sorted(TRANSIENT))
    both_served, where_served = "", ""
    if published is not None:
        models = ", ".join(f"'{model}'" for model in sorted(published.models))
        runs = ", ".join(sorted(f"'{run_id}'" for table in published.models.values() for run_id in table.runs))
        both_served = f"\n    AND (s.model NOT IN ({models}) OR s.run_id IN ({runs}))"
        where_served = f"\n  WHERE model NOT IN ({models}) OR run_id IN ({runs})\n "
    answers = _ANSWERS + (_LIVE if is_live else "")
    yield answers.format(prefix=config.prefix, transient=transient, both_served=both_served, where_served=where_served)
    yield _UNANSWERED.format(prefix=config.prefix)


def _days(store: Store, output: str) -> list[str]:
    """The date partitions of the serving table."""
    with user_errors():
        return [dt for folder in store.folders(at(output, SERVING_FOLDER)) if (dt := _value(folder, "dt"))]


def _dates(store: Store, output: str, name: str) -> dict[str, list[str]]:
    """The date partitions of each model in a table."""
    with user_errors():
        folders = {_value(folder, "model"): folder for folder in store.folders(at(output, f"{name}/"))}
        dates = {model: [_value(date, "dt") for date in store.folders(folder)] for model, folder in folders.items()}
    return {model: kept for model, each in dates.items() if model and (kept := [dt for dt in each if dt])}


def _value(folder: str, key: str) -> str:
    """The value of the partition that a folder names; "" if it is not one of `key`."""
    name, _, value = folder.rstrip("/").rpartition("/")[2].partition("=")
    return value if name == key else ""
