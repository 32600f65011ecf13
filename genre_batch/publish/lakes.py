"""Tables of a lake format over the serving files: each step is registered once, in one commit, in the order of the log.

A format decides by compare and swap of its own whose commit counts. A commit carries its step, so a publisher that was
killed, or lost a race, finds out by looking whether its step is there.
"""

from dataclasses import dataclass
from typing import Protocol

from genre_batch.errors import DamageFound, UsageError
from genre_batch.publish.pointer import Published, read_step, steps
from genre_batch.publish.serving import serving_day, serving_record
from genre_batch.sink import layout
from genre_batch.sink.json_records import MAX_LOST_RACES
from genre_batch.sink.record import DataFile
from genre_batch.storage.store import Store, WriteFailed

STEP_KEY, RUNS_KEY, MODEL_KEY = "genre-batch.step", "genre-batch.runs", "genre-batch.model"
"""The properties of a snapshot or commit: its step, the runs that the step added, and the model it serves."""


@dataclass(frozen=True, slots=True)
class LakeStep:
    """What is registered in one commit: the files of a step, at least one. day: their partition `dt`."""

    step: str
    day: str
    files: tuple[DataFile, ...]
    properties: dict[str, str]


class Lake(Protocol):
    """A table of a lake format, as it was when it was last loaded."""

    name: str

    def load(self) -> None:
        """Look at the newest version of the table. Makes the table if there is none."""

    @property
    def is_new(self) -> bool:
        """Whether no step was ever registered."""

    def has(self, step: str) -> bool:
        """Whether this step is registered. It may be enough to know the newest one."""

    def register(self, step: LakeStep) -> bool:
        """Add the files of a step in one commit; False, without an effect, if the table is not as it was loaded.

        Also False if nobody knows whether the commit took effect: the caller looks.
        """


def register_steps(store: Store, output: str, lake: Lake) -> int:
    """Register all steps with serving files that are not registered yet, and return how many that were.

    Safe to repeat, and in several publishers at once. Raises UsageError if the table is of another output, WriteFailed
    if others were faster each time, and what the store and the table raise.
    """
    done = 0
    for _ in range(MAX_LOST_RACES):
        lake.load()
        lost = False
        for step in _unregistered(store, output, lake):
            files = _lake_step(store, output, step)
            if files is None:
                continue
            if not lake.register(files):
                lost = True
                break
            done += 1
        if not lost:
            return done
    raise WriteFailed(f"{lake.name} could not be committed to in {MAX_LOST_RACES} attempts")


def _unregistered(store: Store, output: str, lake: Lake) -> list[Published]:
    pending: list[Published] = []
    for step in steps(store, output):
        if lake.has(step.step):
            return pending[::-1]
        pending.append(step)
    if not lake.is_new:
        raise UsageError(
            f"the table {lake.name} has steps that are not in the log of {output!r}",
            "it belongs to another output, or the log was restarted: name a new table",
        )
    return pending[::-1]


def _lake_step(store: Store, output: str, step: Published) -> LakeStep | None:
    """What is to be registered for a step; None if it has no rows."""
    record = serving_record(store, output, step.step)
    if record is None:
        path = layout.serving_record_path(step.step)
        raise DamageFound(f"{path} is missing, and later steps have theirs", layout.repair_hint(output))
    if not record.files:
        return None
    before = read_step(store, output, step.before) if step.before else None
    old = {run_id for table in before.models.values() for run_id in table.runs} if before else set()
    added = sorted({run_id for table in step.models.values() for run_id in table.runs} - old)
    properties = {STEP_KEY: step.step, RUNS_KEY: ",".join(added), MODEL_KEY: step.model_id}
    return LakeStep(step.step, serving_day(step), record.files, properties)
