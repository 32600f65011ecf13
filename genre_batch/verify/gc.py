"""`gc`: lists what no run names and, if asked to, removes it."""

from collections import Counter
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.reject import printable
from genre_batch.errors import UsageError
from genre_batch.sink import layout
from genre_batch.sink.plan import run_ids
from genre_batch.storage.local_tree import is_linked, remove_empty_folders
from genre_batch.storage.open_store import open_store
from genre_batch.verify.leftovers import Leftover, Leftovers
from genre_batch.verify.output import Output
from genre_batch.verify.verify_config import GcConfig
from genre_batch.wording import plural, size

_MAX_LISTED = 1_000
_MAX_SHOWN = 20


class GcReport(BaseModel):
    """What `genre-batch gc` found: objects, bytes, and objects by the reason why they are leftovers.

    deleted: whether they have been removed. leftovers: the first 1,000. kept: what was not removed although no run
    names it, and why.
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
        """The report as lines of text."""
        lines = [
            f"{each.why}: {printable(each.path)} ({size(each.size_bytes)})" for each in self.leftovers[:_MAX_SHOWN]
        ]
        if self.objects > _MAX_SHOWN:
            lines.append(f"and {self.objects - _MAX_SHOWN:,} more: --json lists the first {_MAX_LISTED:,}")
        lines += [f"kept: {printable(each)}" for each in self.kept]
        done = "removed" if self.deleted else "to remove; --delete removes them"
        return "\n".join([*lines, f"{plural(self.objects, 'object')}, {size(self.size_bytes)} {done}"])


def collect_garbage(config: GcConfig) -> GcReport:
    """List what no run of the output names, remove it if the settings say so, and report.

    Links and what is behind them stay. Raises UsageError if there is no run and no trace of one, what `Leftovers.find`
    raises, and what the store raises.
    """
    output = Output(open_store(config.output), config.output)
    found, any_run = Leftovers(output, config, datetime.now(UTC)), next(run_ids(output.store, output.root), None)
    counts: Counter[str] = Counter()
    first: list[Leftover] = []
    size_bytes = 0
    for leftover in found.find():
        uri = output.uri(leftover.path)
        if not layout.is_own(output.root, uri):
            continue
        if is_linked(output.root, uri):
            found.kept.append(f"{leftover.path}: it is a link or is behind one, and may belong to something else")
            continue
        if len(first) < _MAX_LISTED:
            first.append(leftover)
        counts[str(leftover.why)] += 1
        size_bytes += leftover.size_bytes
        if config.delete:
            output.store.delete(uri)
    if any_run is None and not counts and not found.kept:
        raise UsageError(f"there is no run at {output.root}", "give the OUTPUT of `genre-batch score`")
    for run_id in found.over if config.delete else ():
        remove_empty_folders(output.uri(layout.run_path(run_id, "")))
    return GcReport(
        output=output.root,
        deleted=config.delete,
        objects=sum(counts.values()),
        size_bytes=size_bytes,
        counts=dict(sorted(counts.items())),
        leftovers=tuple(first),
        kept=tuple(dict.fromkeys(found.kept)),
    )
