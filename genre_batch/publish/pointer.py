"""The pointer to what is served, `_published.json`, and the log of its steps.

A step is written to the log first, under a random name, and takes effect when the pointer is moved to it by one
conditional write. The log is the chain of steps that `before` leads through; a step that lost its race is removed, and
is not part of the chain if its publisher died before that.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, NonNegativeInt, PositiveInt

from genre_batch.sink import layout
from genre_batch.sink.json_records import MAX_LOST_RACES, parse, read_pointer, swap_pointer, to_json
from genre_batch.sink.record import Counts, total
from genre_batch.sink.run_facts import RunId
from genre_batch.storage.store import Store, WriteFailed

Action = Literal["publish", "switch", "roll_back"]


class PublishedModel(BaseModel):
    """The table of one model, as it is served: the rows of these `runs`, oldest first.

    counts: the outcomes of all these runs. confidence: answers by confidence, in steps of a tenth.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    answers: Literal["scores", "features"]
    runs: tuple[RunId, ...]
    counts: Counts
    confidence: tuple[NonNegativeInt, ...]

    def joined(self, new: Self) -> Self:
        """The table with the runs of both."""
        return self.model_copy(
            update={
                "runs": tuple(sorted({*self.runs, *new.runs})),
                "counts": total([self.counts, new.counts]),
                "confidence": tuple(old + more for old, more in zip(self.confidence, new.confidence, strict=True)),
            }
        )


class Published(BaseModel):
    """What is served after a step. model_id: the current model. models: the tables, by model.

    step: its name in the log; number: counts steps. before: the step before it. undo: the step that `--rollback`
    returns to. deleted: the file with the tracks that are no longer in the catalog, `deleted_tracks` of them.
    withheld: runs that a rollback took away or that were left out by name; they are not published again unless someone
    asks for it. taxonomy: the file with the map that gives the rows of the serving table their labels; None for those
    of the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    step: str
    number: PositiveInt
    action: Action
    at: AwareDatetime
    model_id: str
    models: dict[str, PublishedModel]
    before: str | None = None
    undo: str | None = None
    deleted: str | None = None
    deleted_tracks: NonNegativeInt = 0
    withheld: tuple[RunId, ...] = ()
    taxonomy: str | None = None


def read_published(store: Store, output: str) -> Published | None:
    """What is served; None if nothing was ever published. Raises DamageFound if the pointer cannot be understood."""
    found = read_pointer(store, layout.at(output, layout.PUBLISHED), Published)
    return found[0] if found else None


def next_step(now: Published | None, action: Action, model_id: str, models: dict[str, PublishedModel]) -> Published:
    """The step after `now` that serves these tables, with the same deleted tracks and labels, at a later time."""
    number = now.number + 1 if now else 1
    return Published(
        step=f"{number:08d}-{secrets.token_hex(4)}",
        number=number,
        action=action,
        # clocks differ between machines, and the serving table is read by time
        at=max(datetime.now(UTC), now.at + timedelta(microseconds=1)) if now else datetime.now(UTC),
        model_id=model_id,
        models=models,
        before=now.step if now else None,
        undo=now.step if now else None,
        deleted=now.deleted if now else None,
        deleted_tracks=now.deleted_tracks if now else 0,
        withheld=tuple(sorted(set(now.withheld if now else ()) - _runs_of(models))),
        taxonomy=now.taxonomy if now else None,
    )


def step_back(store: Store, output: str, now: Published) -> Published | None:
    """The step that serves again what was served before the last publication; None if there was nothing before.

    After it, another step back goes further into the past.
    """
    if now.undo is None:
        return None
    then = read_step(store, output, now.undo)
    again = next_step(now, "roll_back", then.model_id, then.models)
    # a model that was not served at all then is published by name only
    both = {model: table for model, table in now.models.items() if model in then.models}
    withheld = sorted({*again.withheld, *(_runs_of(both) - _runs_of(then.models))})
    return again.model_copy(
        update={
            "undo": then.undo,
            "deleted": then.deleted,
            "deleted_tracks": then.deleted_tracks,
            "withheld": tuple(withheld),
            "taxonomy": then.taxonomy,
        }
    )


def _runs_of(models: Mapping[str, PublishedModel]) -> set[str]:
    return {run_id for table in models.values() for run_id in table.runs}


def take_step(store: Store, output: str, change: Callable[[Published | None], Published | None]) -> Published | None:
    """Take the step that `change` makes of what is served, and return what is served then.

    change: called again if another publisher was first; None for no step. What it raises leaves everything as it was.
    """
    uri = layout.at(output, layout.PUBLISHED)
    for _ in range(MAX_LOST_RACES):
        found = read_pointer(store, uri, Published)
        now = found[0] if found else None
        new = change(now)
        if new is None:
            return now
        step_uri = layout.at(output, layout.published_step_path(new.step))
        store.create(step_uri, to_json(new))
        if swap_pointer(store, uri, new, found[1] if found else None):
            return new
        store.delete(step_uri)
    raise WriteFailed(f"{uri} could not be moved in {MAX_LOST_RACES} attempts")


def read_step(store: Store, output: str, step: str) -> Published:
    """One step of the log. Raises ObjectGone or DamageFound if it is missing or damaged."""
    uri = layout.at(output, layout.published_step_path(step))
    return parse(store.read(uri), Published, uri, output)


def steps(store: Store, output: str) -> Iterator[Published]:
    """The steps that took effect, newest first."""
    now = read_published(store, output)
    while now is not None:
        yield now
        now = read_step(store, output, now.before) if now.before else None
