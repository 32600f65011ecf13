"""The sign of life of a run: who works on it, how far it is, and how it ended. One object, moved by compare and swap.

A driver takes a run by writing its own heartbeat over the version that it has read. So of two drivers that want a run,
one gets it, and a driver that lost it finds that out with its next beat. Whether a silent driver is dead can only be
guessed; a wrong guess costs repeated work and nothing else, because the commit protocol does not rely on it.
"""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, NonNegativeInt

from genre_batch.sink import layout
from genre_batch.sink.json_records import read_pointer, swap_pointer
from genre_batch.sink.run_facts import RunId
from genre_batch.storage.store import Store


class DriverFacts(BaseModel):
    """Which process works on a run. driver: random, for each time that a process takes a run.

    machine: differs between machines and between containers, so that a pid means something to those that share it.
    pid_since_s: when the process with this pid began, by the clock of its machine.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    driver: str
    host: str
    machine: str
    pid: int
    pid_since_s: float

    def name(self) -> str:
        """The process in words."""
        return f"{self.host} (process {self.pid})"


class Heartbeat(BaseModel):
    """The state of a run according to its last driver. beat: counts up, so that every version of the object differs.

    at: when it was written, by the clock of the driver; for people only. tracks: those with an outcome, of `of` in all.
    tracks_per_s: since this driver began. error: what stopped it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    run_id: RunId
    state: Literal["working", "stopped", "finished"]
    by: DriverFacts
    beat: NonNegativeInt
    started_at: AwareDatetime
    at: AwareDatetime
    tracks: NonNegativeInt = 0
    of: NonNegativeInt = 0
    tracks_per_s: float = 0.0
    error: str = ""


def read_heartbeat(store: Store, output: str, run_id: str) -> tuple[Heartbeat, str] | None:
    """The heartbeat of a run and the etag of that version; None if the run has none. Raises as `read_pointer` does."""
    return read_pointer(store, layout.at(output, layout.heartbeat_path(run_id)), Heartbeat)


def swap_heartbeat(store: Store, output: str, heartbeat: Heartbeat, etag: str | None) -> bool:
    """Write `heartbeat` if the version on storage is still `etag` (None: if there is none); whether it is there now."""
    return swap_pointer(store, layout.at(output, layout.heartbeat_path(heartbeat.run_id)), heartbeat, etag)
