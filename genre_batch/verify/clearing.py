"""`gc`: what nothing names is listed and, where it is asked for, removed."""

from collections import Counter
from datetime import UTC, datetime
from itertools import count

from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.reject import printable
from genre_batch.config import GcConfig
from genre_batch.errors import UsageError
from genre_batch.sink import layout
from genre_batch.sink.plan import run_ids
from genre_batch.storage.empty_folders import remove_empty_folders
from genre_batch.storage.links import is_linked
from genre_batch.storage.open_store import open_store
from genre_batch.verify.leftovers import Leftover, Leftovers

_KEPT = 1_000
_SHOWN = 20


class GcReport(BaseModel):
    """What `genre-batch gc` found: objects, bytes, and objects by why they are leftovers; the first 1,000 by name.

    deleted: whether they are gone. kept: what was left alone although no run names it, and why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: str
    deleted: bool
    objects: int
    size_bytes: int
    counts: dict[str, int]
    leftovers: tuple[Leftover, ...]
    kept: tuple[str, ...]

    def summary(self) -> str:
        """The report in lines for people."""
        lines = [f"{each.why}: {printable(each.path)} ({each.size_bytes:,} bytes)" for each in self.leftovers[:_SHOWN]]
        if self.objects > _SHOWN:
            lines.append(f"and {self.objects - _SHOWN:,} more: --json lists the first {_KEPT:,}")
        lines += [f"kept: {printable(each)}" for each in self.kept]
        done = "removed" if self.deleted else "to remove; --delete removes them"
        return "\n".join([*lines, f"{self.objects:,} objects, {self.size_bytes / 1e6:,.1f} MB {done}"])


def clear(config: GcConfig) -> GcReport:
    """List what no run of the output names, remove it where the settings say so, and report.

    What is a link or lies behind one is kept. Raises UsageError where there is no run and nothing left of any, and as
    `Leftovers.find` does; and what the store raises.
    """
    store = open_store(config.output)
    found, any_run = Leftovers(store, config, datetime.now(UTC)), next(run_ids(store, config.output), None)
    counts: Counter[str] = Counter()
    size_bytes, first = 0, []
    for number, leftover in zip(count(), found.find(), strict=False):
        uri = layout.at(config.output, leftover.path)
        if not layout.is_own(config.output, uri):
            continue
        if is_linked(config.output, uri):
            found.kept.append(f"{leftover.path}: it is a link or lies behind one, and may be somebody else's")
            continue
        if number < _KEPT:
            first.append(leftover)
        counts[leftover.why] += 1
        size_bytes += leftover.size_bytes
        if config.delete:
            store.delete(uri)
    if any_run is None and not counts and not found.kept:
        raise UsageError(f"there is no run at {config.output}", "give the OUTPUT of `genre-batch score`")
    for run_id in found.over if config.delete else ():
        remove_empty_folders(layout.at(config.output, layout.run_path(run_id, "")))
    return GcReport(
        output=config.output,
        deleted=config.delete,
        objects=sum(counts.values()),
        size_bytes=size_bytes,
        counts={str(why): number for why, number in sorted(counts.items())},
        leftovers=tuple(first),
        kept=tuple(dict.fromkeys(found.kept)),
    )
