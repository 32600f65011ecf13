"""The summary that the demo prints, and whole demos."""

import contextlib
import io
from functools import partial
from pathlib import Path

import pandas
import pytest
from page_checks import read_page

from genre_batch.catalog.reject import RejectReason
from genre_batch.demo.catalog import SampleTrack, new_tracks, odd_tracks, render
from genre_batch.demo.demo import COPY, FOLDER, print_summary, reading_line, run_demo
from genre_batch.demo.encode import Encoding
from genre_batch.demo.styles import write_clips
from genre_batch.errors import UsageError
from genre_batch.run.run_report import RunReport

REPORT = RunReport(
    run_id="20260101T000000Z-abc123",
    output="out",
    answers="scores",
    model_id="short-cnn-1",
    fingerprint="f" * 64,
    resumed=False,
    listed=1_234,
    skipped=1_220,
    scored=11,
    abstained=2,
    rejected=3,
    rejects_by_reason={"empty": 1, "truncated": 2},
    genres={"jazz": 3, "rock": 6},
    wall_s=20.0,
    tracks_per_s=3.21,
    cpu_s_per_track=0.2,
    bytes_read=48_000_000,
)


def test_genres_and_rejects_are_sorted_by_count(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(REPORT, "out/", "A note.")
    printed = capsys.readouterr().out
    assert "1,234 tracks listed, 1,220 done before, 11 scored, 3 rejected" in printed
    assert "3.2 tracks/s, 48 MB read, model short-cnn-1" in printed
    assert "A note." in printed
    order = [printed.index(name) for name in ("rock", "jazz", "(no answer)", "truncated", "empty")]
    assert order == sorted(order)


def test_the_line_to_copy_stands_alone_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    folder = "s3://bucket/[bold]/" + "very-long/" * 30
    print_summary(REPORT, folder)
    assert capsys.readouterr().out.endswith(f"\n  {reading_line(folder)}\n")


def test_a_run_with_nothing_to_do_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(REPORT.model_copy(update={"run_id": None, "genres": {}, "rejects_by_reason": {}}), "out")
    printed = capsys.readouterr().out
    assert "nothing to do" in printed
    assert "tracks/s" not in printed


EXPECTED_REJECTS = {
    RejectReason.EMPTY: 1,
    RejectReason.TRUNCATED: 3,
    RejectReason.UNSUPPORTED: 2,
    RejectReason.SILENT: 1,
    RejectReason.TOO_SHORT: 1,
}


def _good() -> list[SampleTrack]:
    return [SampleTrack(f"shuffle/{e}.{e}", "shuffle", 1, 4.0, e, 48_000) for e in Encoding]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_whole_demo_leaves_a_model_a_page_and_a_table_that_the_printed_line_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("genre_batch.demo.demo.sample_catalog", lambda: _good() + odd_tracks())
    monkeypatch.setattr("genre_batch.demo.story.write_clips", partial(write_clips, per_style=3))
    stale = tmp_path / COPY / "scores" / "of-an-earlier-demo.parquet"
    stale.parent.mkdir(parents=True)
    stale.touch()

    run_demo(None, None)

    rejects = pandas.read_parquet(COPY / "rejects")
    assert rejects["reason"].value_counts().to_dict() == EXPECTED_REJECTS
    scores = pandas.read_parquet(COPY / "scores")
    # every format, the mislabelled file, and the second night, none of them twice
    assert len(scores) == len(Encoding) + 1 + len(new_tracks()) == scores["track_id"].nunique()
    assert scores.groupby("run_id").size().tolist() == [len(Encoding) + 1, len(new_tracks())]
    assert scores["track_id"].str.contains("mislabelled/really-flac.mp3").sum() == 1
    assert not stale.exists()
    assert (FOLDER / "model" / "bundle.json").is_file()
    read_page((FOLDER / "report.html").read_text(encoding="utf-8"))
    printed = capsys.readouterr().out
    listed = len(_good()) + len(odd_tracks())
    assert "SIGKILL" in printed or "before it could be killed" in printed
    assert f"{listed + 4} tracks listed, {listed} done before, 4 tracks scored" in printed
    assert "damaged/empty.mp3           empty        the object has no bytes" in printed
    line = reading_line(str(COPY))
    assert printed.endswith(f"  {line}\n")
    answers = io.StringIO()
    with contextlib.redirect_stdout(answers):
        exec(line)
    assert "track_id" in answers.getvalue()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_own_music_is_scored_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    music, output = tmp_path / "music", tmp_path / "table"
    music.mkdir()
    for track in _good()[:2]:
        (music / track.key.rpartition("/")[2]).write_bytes(render(track))
    report = run_demo(str(music), str(output))
    assert (report.scored, report.rejected) == (2, 0)
    assert len(pandas.read_parquet(output / "scores")) == 2
    assert str(output) in capsys.readouterr().out


def test_the_sample_table_cannot_be_written_to_the_users_own_s3() -> None:
    with pytest.raises(UsageError, match="cannot be written to yours"):
        run_demo(None, "s3://mine/genres/")
