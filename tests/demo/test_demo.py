"""The demo from end to end, with a part of its catalog."""

import contextlib
import io
from pathlib import Path

import pandas
import pytest

from genre_batch.catalog.reject import RejectReason
from genre_batch.demo.catalog import SampleTrack, odd_tracks, render
from genre_batch.demo.demo import COPY, run_demo
from genre_batch.demo.encode import Encoding
from genre_batch.demo.summary import pandas_line
from genre_batch.errors import UsageError

EXPECTED_REJECTS = {
    RejectReason.EMPTY: 1,
    RejectReason.TRUNCATED: 3,
    RejectReason.UNSUPPORTED: 2,
    RejectReason.SILENT: 1,
    RejectReason.TOO_SHORT: 1,
}


def _good() -> list[SampleTrack]:
    return [SampleTrack(f"good/{e}.{e}", "blues", 1, 4.0, e, 48_000) for e in Encoding]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_sample_catalog_becomes_a_table_that_the_printed_line_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("genre_batch.demo.demo.sample_catalog", lambda: _good() + odd_tracks())
    stale = tmp_path / COPY / "scores" / "of-an-earlier-demo.parquet"
    stale.parent.mkdir(parents=True)
    stale.touch()

    report = run_demo(None, None)

    assert report.listed == len(_good()) + len(odd_tracks())
    assert report.rejects_by_reason == EXPECTED_REJECTS
    # every format, and the mislabelled file
    assert report.scored == len(Encoding) + 1
    table = pandas.read_parquet(COPY / "scores")
    assert len(table) == report.scored
    assert table.uri.str.contains("mislabelled/really-flac.mp3").sum() == 1
    assert not stale.exists()
    line = pandas_line(str(COPY))
    assert capsys.readouterr().out.endswith(f"  {line}\n")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(line)
    assert "track_id" in printed.getvalue()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_folder_of_ones_own_is_scored_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    music, output = tmp_path / "music", tmp_path / "table"
    music.mkdir()
    for track in _good()[:2]:
        (music / track.key.rpartition("/")[2]).write_bytes(render(track))
    report = run_demo(str(music), str(output))
    assert (report.scored, report.rejected) == (2, 0)
    assert len(pandas.read_parquet(output / "scores")) == 2
    assert str(output) in capsys.readouterr().out


def test_the_sample_table_cannot_go_to_the_users_own_s3() -> None:
    with pytest.raises(UsageError, match="cannot go to yours"):
        run_demo(None, "s3://mine/genres/")
