"""The names of what lies in the folder of one run."""

from dataclasses import dataclass, field

from genre_batch.sink import layout
from genre_batch.storage.store import Store, StoredObject

DAMAGED_FOLDER = "damaged/"
_RECORDS = frozenset({"plan.json", "manifest.json", "config.yaml", "report.json"})
_PAGES = frozenset({"report.html"})


@dataclass(slots=True)
class RunFiles:
    """records: names of the JSON and YAML files that verification knows. listing: names in `listing/`.

    shards: those with a marker. staged: the outcomes of parts of others. quarantined: what a repair moved away.
    strangers: what nobody knows, as paths below the output, and `stray_markers` those among the commits.
    """

    run_id: str
    records: set[str] = field(default_factory=set)
    listing: set[str] = field(default_factory=set)
    shards: set[int] = field(default_factory=set)
    staged: list[StoredObject] = field(default_factory=list)
    quarantined: list[StoredObject] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    stray_markers: list[str] = field(default_factory=list)

    @property
    def worked_on(self) -> bool:
        """Whether anything says that the run was published: it is worked on after that."""
        return bool(self.shards or self.staged) or "manifest.json" in self.records or "report.json" in self.records


def run_files(store: Store, output: str, run_id: str) -> RunFiles:
    """What lies in the folder of `run_id` now. Costs a listing."""
    files = RunFiles(run_id)
    folder = layout.at(output, layout.run_path(run_id, ""))
    for found in store.list(folder):
        _note(files, found, found.uri.removeprefix(folder))
    return files


def _note(files: RunFiles, found: StoredObject, name: str) -> None:
    folder, _, rest = name.partition("/")
    shard = layout.shard_of_commit(found.uri)
    if name in _RECORDS:
        files.records.add(name)
    elif folder == "listing" and "/" not in rest:
        files.listing.add(rest)
    elif folder == "commits":
        if shard is not None and "/" not in rest:
            files.shards.add(shard)
        else:
            files.stray_markers.append(layout.run_path(files.run_id, name))
    elif folder == "staged":
        files.staged.append(found)
    elif name.startswith(DAMAGED_FOLDER):
        files.quarantined.append(found)
    elif name not in _PAGES:
        files.strangers.append(layout.run_path(files.run_id, name))
