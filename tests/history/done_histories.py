"""Random histories of one output, and what planning makes of them with and without the done-index."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sink.memory_store import MemoryStore
from sink.shard_rows import cut, make_plan, reject, score

from genre_batch.catalog.reject import RejectReason
from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import in_batches
from genre_batch.errors import UserError
from genre_batch.history.anti_join import new_rows
from genre_batch.history.done_writer import extend_done_index
from genre_batch.history.past_outcomes import outcomes_of, past_runs
from genre_batch.history.unlisted import Unlisted
from genre_batch.sink import layout
from genre_batch.sink.finish import finish
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.plan import RunPlan, write_plan
from genre_batch.sink.schema import RejectedTrack, ScoredTrack

OUTPUT = "/table"
Outcomes = Mapping[str, tuple[str, RejectReason | None]]
"""By track: etag, and the reason of a reject."""


@dataclass(frozen=True)
class Night:
    """A run. model, source: which of two."""

    outcomes: Outcomes
    model: int = 0
    source: int = 0
    newest_first: bool = False
    finished: bool = True

    def plan(self, day: int) -> RunPlan:
        return make_plan(
            len(self.outcomes),
            run_id=f"20261120T0000{day:02d}Z-000000",
            model_id=f"model-{self.model}",
            source=f"s3://music-{self.source}/",
            order="newest" if self.newest_first else "track_id",
        )


def carry_out(store: MemoryStore, night: Night, day: int) -> RunPlan:
    plan = night.plan(day)
    names = sorted(night.outcomes, reverse=night.newest_first)
    tracks = [Track(name, name, night.outcomes[name][0], 1) for name in names]
    write_plan(store, OUTPUT, plan)  # type: ignore[arg-type]
    ledger = Ledger(store, OUTPUT, plan)  # type: ignore[arg-type]
    for shard, part in enumerate(cut(tracks, plan.shard_tracks)):
        if night.finished or shard == 0:
            reasons = {track.track_id: night.outcomes[track.track_id][1] for track in part}
            rows = [score(t) if (r := reasons[t.track_id]) is None else reject(t, r) for t in part]
            scored = [row for row in rows if isinstance(row, ScoredTrack)]
            ledger.commit(shard, scored, [row for row in rows if isinstance(row, RejectedTrack)])
    if night.finished:
        finish(store, OUTPUT, plan, ledger.records())  # type: ignore[arg-type]
    return plan


def remove(store: MemoryStore, *parts: str) -> None:
    """Remove all objects whose name has one of these parts."""
    for uri in [uri for uri in store.objects if any(part in uri for part in parts)]:
        del store.objects[uri]


def planned(
    store: MemoryStore, catalog: Sequence[Track], model: int, again: Collection[str], rows: int = 3
) -> tuple[object, ...]:
    """What is left of the catalog and what is gone from it; or the damage that planning finds."""
    place = store, OUTPUT
    try:
        past = list(past_runs(*place, f"model-{model}", "f" * 64))  # type: ignore[arg-type]
        gone = Unlisted(number for number, plan in enumerate(past) if plan.source == "s3://music-0/")
        with outcomes_of(*place, past) as runs:  # type: ignore[arg-type]
            left = [batch.to_pylist() for batch in new_rows(in_batches(catalog, rows), runs, again, gone)]
    except UserError as error:
        return type(error), str(error)
    return left, gone.rows("now").to_pylist()


def without_index(store: MemoryStore) -> MemoryStore:
    copy = MemoryStore(store.objects)
    remove(copy, layout.DONE_FOLDER)
    return copy


def happen(store: MemoryStore, event: Any, nights: list[Night]) -> None:
    """Let one thing happen to an output."""
    if isinstance(event, Night):
        carry_out(store, event, len(nights))
        nights.append(event)
    elif event == "index":
        extend_done_index(store, OUTPUT)  # type: ignore[arg-type]
    elif "index" in event[0]:
        found = sorted(uri for uri in store.objects if layout.DONE_FOLDER in uri)
        if found:
            uri = found[event[1] % len(found)]
            data = bytearray(store.objects.pop(uri))
            data[len(data) // 2] ^= 1
            store.objects |= {uri: bytes(data)} if event[0] == "damage index" else {}
    elif nights:
        _hurt(store, event[0], event[1] % len(nights), nights)


def _hurt(store: MemoryStore, what: str, day: int, nights: list[Night]) -> None:
    run_id = nights[day].plan(day).run_id
    if what == "remove":
        remove(store, run_id)
    elif what == "again":  # as a repair that scores the run again, with other outcomes
        remove(store, run_id)
        flipped = {
            name: (etag, None if reason else RejectReason.CORRUPT)
            for name, (etag, reason) in nights[day].outcomes.items()
        }
        nights[day] = Night(flipped, nights[day].model, nights[day].source, nights[day].newest_first)
        carry_out(store, nights[day], day)
    elif what == "lose manifest":
        remove(store, layout.manifest_path(run_id))
    elif what == "lose marker":
        remove(store, layout.commit_path(run_id, 0))
    else:
        remove(store, layout.rejects_path(nights[day].plan(day), 0))


class Dead(BaseException):
    pass


class Deadly:
    """A store whose user dies before its write number `writes` (from 0), or just after it."""

    def __init__(self, store: MemoryStore, writes: int, after: bool) -> None:
        self._store, self._left, self._after = store, writes, after

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._store, name)
        if name not in ("write", "create", "replace", "delete"):
            return operation

        def write(*given: Any) -> Any:
            self._left -= 1
            if self._left < 0 and not self._after:
                raise Dead
            result = operation(*given)
            if self._left < 0:
                raise Dead
            return result

        return write
