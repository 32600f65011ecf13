"""The progress line, and that it goes to stderr alone."""

import sys
import time

import pytest

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import in_batches
from genre_batch.run import progress as progress_module
from genre_batch.run.progress import Progress, shown


def test_the_line_reckons_by_tracks_and_by_bytes() -> None:
    progress = Progress("scoring", total_tracks=100, total_bytes=4_000_000, started_s=0.0)
    progress.add(25, 2_000_000)
    assert progress.line(50.0) == (
        "scoring: 25/100 tracks, 2 MB/4 MB, 0.5 tracks/s, ETA 0:02:30 by tracks, 0:00:50 by bytes"
    )


def test_before_the_first_track_the_end_is_unknown() -> None:
    assert Progress("scoring", 10, 10, started_s=0.0).line(1.0).endswith("ETA ? by tracks, ? by bytes")


def test_while_listing_there_is_no_end_to_tell() -> None:
    progress = Progress("listing", started_s=0.0)
    assert list(progress.counted(in_batches([Track("a", "a", "", -1), Track("b", "b", "e", 5_000_000)])))
    assert progress.line(2.0) == "listing: 2 tracks, 5 MB, 1.0 tracks/s"


def test_lines_go_to_stderr_while_the_block_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress_module, "_LINE_EVERY_S", 0.01)
    assert not sys.stderr.isatty()
    with shown(Progress("scoring", 10, 10)):
        time.sleep(0.2)
    captured = capsys.readouterr()
    assert captured.err.startswith("scoring: 0/10 tracks")
    assert captured.out == ""
