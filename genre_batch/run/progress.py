"""Progress on stderr: a bar on a terminal; elsewhere one line after 2 s, and then every 30 s."""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.reject import printable
from genre_batch.catalog.track import Track
from genre_batch.notices import PATIENCE_S, is_json, is_quiet, say
from genre_batch.wording import plural, size

_LINE_EVERY_S = 30.0
_REDRAW_EVERY_S = 0.5


@dataclass(slots=True)
class Progress:
    """The counts of one step. Totals of 0 mean that the end is unknown, as during a listing.

    waiting_for: what has to happen before anything can be counted.
    """

    title: str
    total_tracks: int = 0
    total_bytes: int = 0
    tracks: int = 0
    size_bytes: int = 0
    waiting_for: str = ""
    started_s: float = field(default_factory=time.monotonic)

    def add(self, tracks: int, size_bytes: int) -> None:
        """Count tracks that are done, and their bytes."""
        self.tracks += tracks
        self.size_bytes += size_bytes

    def update(self, tracks: int, size_bytes: int) -> None:
        """Set the counts so far."""
        self.tracks, self.size_bytes = tracks, size_bytes

    def add_tracks(self, tracks: Iterable[Track]) -> None:
        """Count these tracks."""
        sizes_bytes = [track.size_bytes for track in tracks]
        self.add(len(sizes_bytes), sum(size for size in sizes_bytes if size > 0))

    def counted(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same rows of tracks, each counted as it passes."""
        for batch in batches:
            self.add(batch.num_rows, pc.sum(pc.max_element_wise(batch["size_bytes"], 0)).as_py() or 0)
            yield batch

    def wait_for(self, what: str) -> None:
        """Say from now on that the step waits for `what`; nothing: it has begun, and its time counts from now on."""
        if self.waiting_for and not what:
            self.started_s = time.monotonic()
        self.waiting_for = what

    def line(self, now_s: float) -> str:
        """The counts on one line, with the time remaining as estimated by tracks and by bytes."""
        title, elapsed_s = printable(self.title), max(now_s - self.started_s, 1e-9)
        if self.waiting_for:
            return f"{title}: {self.waiting_for} ..."
        rate = f"{self.tracks / elapsed_s:,.1f} tracks/s"
        if not self.total_tracks and not self.tracks:
            return f"{title} ..."
        if not self.total_tracks:
            return f"{title}: {plural(self.tracks, 'track')}, {size(self.size_bytes)}, {rate}"
        by_tracks = _eta(self.tracks, self.total_tracks, elapsed_s)
        by_bytes = _eta(self.size_bytes, self.total_bytes, elapsed_s)
        tracks = f"{self.tracks:,}/{plural(self.total_tracks, 'track')}"
        read = f"{size(self.size_bytes)}/{size(self.total_bytes)}"
        return f"{title}: {tracks}, {read}, {rate}, ETA {by_tracks} by tracks, {by_bytes} by bytes"


@contextmanager
def shown(progress: Progress) -> Iterator[Progress]:
    """Show `progress` while the block runs, from a separate thread, so that a stalled run is seen to stall."""
    stop = threading.Event()
    if is_quiet():
        yield progress
        return
    show = _draw if sys.stderr.isatty() and not is_json() else _log
    thread = threading.Thread(target=show, args=(progress, stop), daemon=True, name="progress")
    thread.start()
    try:
        yield progress
    finally:
        stop.set()
        thread.join()


def _log(progress: Progress, stop: threading.Event) -> None:
    pause_s = PATIENCE_S
    while not stop.wait(pause_s):
        say(progress.line(time.monotonic()))
        pause_s = _LINE_EVERY_S


def _draw(progress: Progress, stop: threading.Event) -> None:
    # rich takes a tenth of a second to import, too long for the help text
    from rich import progress as rich_progress
    from rich.console import Console, RenderableType
    from rich.text import Text

    class Bar(rich_progress.Progress):
        def get_renderables(self) -> Iterable[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            yield Text(progress.line(time.monotonic()))

    columns = rich_progress.BarColumn(), rich_progress.TaskProgressColumn()
    with Bar(*columns, console=Console(stderr=True), auto_refresh=False, transient=True) as bar:
        task = bar.add_task("", total=progress.total_tracks or None)
        while not stop.wait(_REDRAW_EVERY_S):
            bar.update(task, completed=progress.tracks, refresh=True)


def _eta(done: int, total: int, elapsed_s: float) -> str:
    if not done:
        return "?"
    seconds = round(elapsed_s * max(total - done, 0) / done)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
