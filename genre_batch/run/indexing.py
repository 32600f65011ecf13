"""The `index` verb: a listing on its own, as the first step of `score` makes it."""

from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.listing import write_listing
from genre_batch.catalog.source import list_tracks
from genre_batch.config import IndexConfig
from genre_batch.errors import UsageError
from genre_batch.run.progress import Progress, shown
from genre_batch.storage.open_store import open_store


class IndexReport(BaseModel):
    """The outcome of `genre-batch index`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: str
    tracks: int
    size_bytes: int
    files: int

    def summary(self) -> str:
        """The report in one line for people."""
        return f"{self.tracks:,} tracks, {self.size_bytes / 1e6:,.1f} MB: {self.files} files in {self.output}"


def index_catalog(config: IndexConfig) -> IndexReport:
    """Write the listing of `config.source` to the folder `config.output`, and report.

    Raises UsageError where a listing is there already: it is frozen.
    """
    store = open_store(config.output)
    if any(True for _ in store.list(config.output)):
        raise UsageError(f"{config.output} is not empty", "give a new folder: a listing is never overwritten")
    with shown(Progress("listing")) as progress:
        info = write_listing(list_tracks(config.source, progress.update), store, config.output)
    return IndexReport(output=config.output, tracks=info.tracks, size_bytes=info.size_bytes, files=len(info.files))
