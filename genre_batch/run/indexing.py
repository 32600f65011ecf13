"""The `index` verb: a listing on its own, as the first step of `score` makes it."""

from pydantic import BaseModel, ConfigDict

from genre_batch.catalog.corpora import read_corpus
from genre_batch.catalog.labelled_listing import labelled_file, labelled_parquet
from genre_batch.catalog.listing import write_batches
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
    if config.labelled:
        return _index_corpus(config)
    store = open_store(config.output)
    if any(True for _ in store.list(config.output)):
        raise UsageError(f"{config.output} is not empty", "give a new folder: a listing is never overwritten")
    with shown(Progress("listing")) as progress:
        found = list_tracks(config.source, progress.update, max_denied_in_a_row=config.max_denied_in_a_row)
        info = write_batches(found.batches(), store, config.output)
    return IndexReport(output=config.output, tracks=info.tracks, size_bytes=info.size_bytes, files=len(info.files))


def _index_corpus(config: IndexConfig) -> IndexReport:
    """Write the labelled listing: one Parquet file, `config.output` itself or in that folder."""
    tracks, uri = read_corpus(config.source), labelled_file(config.output)
    if not open_store(uri).create(uri, labelled_parquet(tracks)):
        raise UsageError(f"{uri} is there already", "give a new name: a listing is never overwritten")
    size_bytes = sum(labelled.track.size_bytes for labelled in tracks)
    return IndexReport(output=uri, tracks=len(tracks), size_bytes=size_bytes, files=1)
