"""What the demo prints."""

import pytest

from genre_batch.demo.summary import pandas_line, show
from genre_batch.run.report import ScoreReport

REPORT = ScoreReport(
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


def test_it_counts_genres_and_rejects_most_first(capsys: pytest.CaptureFixture[str]) -> None:
    show(REPORT, "out/", "A note.")
    printed = capsys.readouterr().out
    assert "1,234 tracks listed, 1,220 done before, 11 scored, 3 rejected" in printed
    assert "3.2 tracks/s, 48 MB read, model short-cnn-1" in printed
    assert "A note." in printed
    order = [printed.index(name) for name in ("rock", "jazz", "(no answer)", "truncated", "empty")]
    assert order == sorted(order)


def test_the_line_to_copy_stands_alone_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    folder = "s3://bucket/" + "very-long/" * 30
    show(REPORT, folder)
    assert capsys.readouterr().out.endswith(f"\n  {pandas_line(folder)}\n")


def test_a_run_with_nothing_to_do_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show(REPORT.model_copy(update={"run_id": None, "genres": {}, "rejects_by_reason": {}}), "out")
    printed = capsys.readouterr().out
    assert "nothing to do" in printed
    assert "tracks/s" not in printed
