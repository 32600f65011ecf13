"""The facts of a run: fixed when it is planned, and recorded in everything it writes."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PositiveInt
from pydantic_core import PydanticCustomError

_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}", re.ASCII)
_RUN_TIME = "%Y%m%dT%H%M%SZ"


def is_run_id(name: str) -> bool:
    """Whether `name` can be the id of a run: its time is valid, and a later second exists for the next run."""
    try:
        return _RUN_ID.fullmatch(name) is not None and planned_at(name) + timedelta(seconds=1) > planned_at(name)
    except (ValueError, OverflowError):
        return False


def _checked(name: str) -> str:
    if not is_run_id(name):
        raise PydanticCustomError("run_id", "is not a run id such as 20261121T065212Z-3f09ab")
    return name


RunId = Annotated[str, AfterValidator(_checked)]
"""The id of a run."""


class RunFacts(BaseModel):
    """What is the same for every row of a run.

    The facts come from the plan, never from the process, so that a retry on another machine writes the same bytes.
    `answers` is the table that the run fills; for features, `model_id` and `fingerprint` are those of the front end.
    `versions` maps the libraries that influence the answers to their versions. `schema_version` is that of its tables
    (see `schema.py`); plans from before there was this field are of version 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    run_id: RunId
    model_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=128)
    fingerprint: str = Field(min_length=1)
    answers: Literal["scores", "features"] = "scores"
    planned_at: AwareDatetime
    git_sha: str
    config_sha256: str
    versions: dict[str, str]
    schema_version: PositiveInt = 1

    @property
    def dt(self) -> str:
        """The date partition: the UTC date on which the run was planned, as YYYY-MM-DD."""
        return self.planned_at.astimezone(UTC).date().isoformat()


def planning_time(now: datetime, newest_run_id: str | None) -> datetime:
    """When a new run is planned, in UTC and whole seconds: `now`, but at least one second after the newest run.

    Otherwise a machine with a slow clock would plan a run that sorts before one it has already seen.
    """
    second = now.astimezone(UTC).replace(microsecond=0)
    if newest_run_id is None:
        return second
    return max(second, planned_at(newest_run_id) + timedelta(seconds=1))


def planned_at(run_id: str) -> datetime:
    """When a run was planned, in UTC, according to its id."""
    return datetime.strptime(run_id.split("-", maxsplit=1)[0], _RUN_TIME).replace(tzinfo=UTC)


def make_run_id(planned_at: datetime, randomness: bytes) -> str:
    """An id such as 20261121T065212Z-3f09ab that sorts by time; `randomness` [3] separates runs of the same second."""
    if len(randomness) != 3:
        raise ValueError("a run id takes 3 random bytes")
    return f"{planned_at.astimezone(UTC).strftime(_RUN_TIME)}-{randomness.hex()}"
