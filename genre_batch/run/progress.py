"""How far a run is: a bar on a terminal, one line each 30 s elsewhere; always on stderr."""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from genre_batch.catalog.track import Track

_LINE_EVERY_S = 30.0
_REDRAW_EVERY_S = 0.5


@dataclass(slots=True)
class Progress:
    """Counts of one step. Totals of 0 mean that the end is not known, as while listing."""

    title: str
    total_tracks: int = 0
    total_bytes: int = 0
    tracks: int = 0
    size_bytes: int = 0
    started_s: float = field(default_factory=time.monotonic)

    def add(self, tracks: int, size_bytes: int) -> None:
        """Count tracks that are done."""
        self.tracks += tracks
        self.size_bytes += size_bytes

    def update(self, tracks: int, size_bytes: int) -> None:
        """Set the counts so far."""
        self.tracks, self.size_bytes = tracks, size_bytes

    def add_tracks(self, tracks: Iterable[Track]) -> None:
        """Count these tracks."""
        sizes_bytes = [max(track.size_bytes, 0) for track in tracks]
        self.add(len(sizes_bytes), sum(sizes_bytes))

    def counted(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same rows of tracks, counted as they pass."""
        for batch in batches:
            self.add(batch.num_rows, pc.sum(pc.max_element_wise(batch["size_bytes"], 0)).as_py() or 0)
            yield batch

    def line(self, now_s: float) -> str:
        """The state in one line, with the time to go reckoned by tracks and by bytes."""
        elapsed_s = max(now_s - self.started_s, 1e-9)
        rate = f"{self.tracks / elapsed_s:,.1f} tracks/s"
        if not self.total_tracks:
            return f"{self.title}: {self.tracks:,} tracks, {_megabytes(self.size_bytes)}, {rate}"
        read = f"{_megabytes(self.size_bytes)}/{_megabytes(self.total_bytes)}"
        by_tracks = _eta(self.tracks, self.total_tracks, elapsed_s)
        by_bytes = _eta(self.size_bytes, self.total_bytes, elapsed_s)
        tracks = f"{self.tracks:,}/{self.total_tracks:,} tracks"
        return f"{self.title}: {tracks}, {read}, {rate}, ETA {by_tracks} by tracks, {by_bytes} by bytes"


@contextmanager
def shown(progress: Progress) -> Iterator[Progress]:
    """Show `progress` while the block runs, from a thread of its own, so that a stalled run is seen to stall."""
    stop = threading.Event()
    show = _draw if sys.stderr.isatty() else _log
    thread = threading.Thread(target=show, args=(progress, stop), daemon=True, name="progress")
    thread.start()
    try:
        yield progress
    finally:
        stop.set()
        thread.join()


def _log(progress: Progress, stop: threading.Event) -> None:
    while not stop.wait(_LINE_EVERY_S):
        sys.stderr.write(progress.line(time.monotonic()) + "\n")


def _draw(progress: Progress, stop: threading.Event) -> None:
    # rich takes a tenth of a second to import, which the help text should not pay for.
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(Text(), console=Console(stderr=True), auto_refresh=False, transient=True) as live:
        while not stop.wait(_REDRAW_EVERY_S):
            live.update(Text(f"{_bar(progress)}\n{progress.line(time.monotonic())}"), refresh=True)


def _bar(progress: Progress, width: int = 40) -> str:
    share = progress.tracks / progress.total_tracks if progress.total_tracks else 0.0
    full = int(width * share)
    return "━" * full + "╌" * (width - full) + f" {share:.0%}"


def _eta(done: int, total: int, elapsed_s: float) -> str:
    if not done:
        return "?"
    seconds = round(elapsed_s * max(total - done, 0) / done)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:,.1f} GB" if size_bytes >= 10**10 else f"{size_bytes / 1e6:,.0f} MB"
