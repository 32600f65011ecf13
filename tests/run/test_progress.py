"""The progress line and bar, on stderr only."""

import io
import sys
import time

import pytest

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import in_batches
from genre_batch.run import progress as progress_module
from genre_batch.run.progress import Progress, shown


def test_the_line_estimates_the_end_by_tracks_and_by_bytes() -> None:
    progress = Progress("scoring", total_tracks=100, total_bytes=4_000_000, started_s=0.0)
    progress.add(25, 2_000_000)
    assert progress.line(50.0) == (
        "scoring: 25/100 tracks, 2.0 MB/4.0 MB, 0.5 tracks/s, ETA 0:02:30 by tracks, 0:00:50 by bytes"
    )


def test_before_the_first_track_the_end_is_unknown() -> None:
    assert Progress("scoring", 10, 10, started_s=0.0).line(1.0).endswith("ETA ? by tracks, ? by bytes")


def test_a_listing_has_no_estimated_end() -> None:
    progress = Progress("listing", started_s=0.0)
    assert progress.line(2.0) == "listing ..."
    assert list(progress.counted(in_batches([Track("a", "a", "", -1), Track("b", "b", "e", 5_000_000)])))
    assert progress.line(2.0) == "listing: 2 tracks, 5.0 MB, 1.0 tracks/s"


def test_lines_go_to_stderr_while_the_block_runs_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress_module, "PATIENCE_S", 0.01)
    monkeypatch.setattr(progress_module, "_LINE_EVERY_S", 0.1)
    assert not sys.stderr.isatty()
    said = ""
    with shown(Progress("scoring", 10, 10)):
        while said.count("\n") < 2:
            time.sleep(0.01)
            captured = capsys.readouterr()
            said += captured.err
            assert captured.out == ""
    assert said.startswith("scoring: 0/10 tracks")
    capsys.readouterr()
    time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_the_first_line_does_not_wait_for_30_s(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress_module, "PATIENCE_S", 0.01)
    with shown(Progress("scoring", 10, 10)) as progress:
        progress.wait_for("starting 2 extract actors")
        said = ""
        while not said:
            time.sleep(0.01)
            said = capsys.readouterr().err
    assert said == "scoring: starting 2 extract actors ...\n"


@pytest.mark.parametrize("is_terminal", [False, True])
def test_quiet_means_neither_lines_nor_a_bar(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress_module, "PATIENCE_S", 0.01)
    monkeypatch.setattr(progress_module, "is_quiet", lambda: True)
    monkeypatch.setattr(progress_module, "_REDRAW_EVERY_S", 0.01)
    stream = Terminal() if is_terminal else sys.stderr
    monkeypatch.setattr(sys, "stderr", stream)
    with shown(Progress("scoring", 10, 10)):
        time.sleep(0.2)
    assert capsys.readouterr().err == ""
    assert not is_terminal or stream.getvalue() == ""


def test_time_counts_from_the_end_of_the_wait() -> None:
    progress = Progress("scoring", 10, 10, started_s=0.0)
    progress.wait_for("starting 2 extract actors")
    assert progress.line(50.0) == "scoring: starting 2 extract actors ..."
    progress.wait_for("")
    began_s = progress.started_s
    assert began_s > 0.0
    progress.add(5, 5)
    assert "ETA 0:00:50 by tracks" in progress.line(began_s + 50.0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("total", "shown_share"), [(8, "25%"), (0, None)])
def test_a_terminal_gets_a_bar_and_text_that_cannot_move_the_cursor(
    total: int, shown_share: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(progress_module, "_REDRAW_EVERY_S", 0.01)
    with shown(Progress("[red]sc\x1b[2Joring", total)) as progress:
        progress.add(2, 1_000_000)
        time.sleep(0.3)
    drawn = terminal.getvalue()
    assert "━" in drawn
    assert "[red]" in drawn
    assert "sc\\x1b[2Joring" in drawn
    assert "1.0 MB" in drawn
    assert shown_share is None or shown_share in drawn
    assert capsys.readouterr().out == ""
