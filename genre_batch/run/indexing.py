"""The `index` verb: the listing that `score` makes as its first step, on its own."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import chain

from pydantic import BaseModel, ConfigDict, PositiveInt

from genre_batch.catalog.catalog_file import CatalogRow, HeadResult
from genre_batch.catalog.corpora import labelled_file, labelled_parquet, read_corpus
from genre_batch.catalog.listing import write_batches
from genre_batch.catalog.name_patterns import DEFAULT_PATTERNS, Globs, left_out_words, selection_for
from genre_batch.catalog.source import list_tracks
from genre_batch.errors import UsageError
from genre_batch.run.progress import Progress, shown
from genre_batch.stages.stage import ExtractPool
from genre_batch.storage.open_store import RequestPayer, UriOrPath, open_store
from genre_batch.wording import plural, size


class IndexConfig(BaseModel):
    """Settings of `genre-batch index`.

    labelled: the source is a labelled corpus, and the listing includes its genres; see `catalog/corpora.py`.
    include, exclude: which files of a prefix or folder are tracks; see `TableConfig`. Not for a labelled corpus.
    max_denied_in_a_row: stop after this many consecutive objects of a catalog file that cannot be read.
    request_payer: "requester" for a requester-pays bucket.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: UriOrPath
    output: UriOrPath
    labelled: bool = False
    include: Globs = ()
    exclude: Globs = (DEFAULT_PATTERNS,)
    max_denied_in_a_row: PositiveInt | None = 20
    request_payer: RequestPayer | None = None


class IndexReport(BaseModel):
    """The outcome of `genre-batch index`. left_out: files excluded by name, counted by pattern."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    output: str
    tracks: int
    size_bytes: int
    files: int
    left_out: dict[str, int] = {}

    def summary(self) -> str:
        """The report as lines for a terminal."""
        files = f"{plural(self.files, 'file')} in {self.output}"
        listed = f"{plural(self.tracks, 'track')}, {size(self.size_bytes)}: {files}"
        return f"{listed}\n{left_out_words(self.left_out)}" if self.left_out else listed


def index_catalog(config: IndexConfig) -> IndexReport:
    """Write the listing of `config.source` to the folder `config.output`.

    Raises UsageError if the folder is not empty: a listing is frozen and never overwritten.
    """
    if config.labelled:
        return _index_corpus(config)
    store = open_store(config.output)
    if any(True for _ in store.list(config.output)):
        raise UsageError(f"{config.output} is not empty", "give a new folder: a listing is never overwritten")
    with shown(Progress("listing")) as progress, ExitStack() as stack:
        found = list_tracks(
            config.source,
            progress.update,
            max_denied_in_a_row=config.max_denied_in_a_row,
            request_payer=config.request_payer,
            look_up_many=partial(_look_up_on_actors, stack, config.request_payer),
        )
        selection = selection_for(config.source, config.include, config.exclude)
        rows = selection.taken(found.batches())
        first = next(rows, None)
        if first is None:
            raise selection.nothing_left(config.source)
        info = write_batches(chain([first], rows), store, config.output)
    return IndexReport(
        output=config.output,
        tracks=info.tracks,
        size_bytes=info.size_bytes,
        files=len(info.files),
        left_out=dict(selection.left_out),
    )


def _look_up_on_actors(
    stack: ExitStack, request_payer: RequestPayer | None, rows: Iterator[CatalogRow]
) -> Iterator[HeadResult]:
    """See `LookUp`. Starts Ray, or connects to the cluster, until `stack` ends: most sources do not need it."""
    from genre_batch.engine.cluster import connected
    from genre_batch.engine.look_ups import look_up_on_actors

    yield from look_up_on_actors(lambda: stack.enter_context(connected()), ExtractPool(), request_payer, rows)


def _index_corpus(config: IndexConfig) -> IndexReport:
    """Write the labelled listing as one Parquet file, at `config.output` or in that folder."""
    tracks, uri = read_corpus(config.source), labelled_file(config.output)
    if not open_store(uri).create(uri, labelled_parquet(tracks)):
        raise UsageError(f"{uri} exists already", "give a new name: a listing is never overwritten")
    size_bytes = sum(labelled.track.size_bytes for labelled in tracks)
    return IndexReport(output=uri, tracks=len(tracks), size_bytes=size_bytes, files=1)
