"""What a run reports at its end."""

from datetime import UTC, datetime

import pytest

from genre_batch.catalog.reject import RejectReason
from genre_batch.engine.usage import Usage
from genre_batch.run.run_report import ForecastRatios, RunReport, make_report, nothing_to_do
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.record import Counts


def plan(tracks: int) -> RunPlan:
    return RunPlan(
        run_id="20261121T065212Z-3f09ab",
        model_id="short-cnn-12345678",
        fingerprint="f" * 64,
        planned_at=datetime(2026, 11, 21, 6, 52, 12, tzinfo=UTC),
        git_sha="",
        config_sha256="c" * 64,
        versions={},
        source="/in",
        shard_tracks=10,
        listed=12,
        skipped=12 - tracks,
        tracks=tracks,
        size_bytes=100,
    )


def report(*, resumed: bool = False) -> RunReport:
    counts = Counts(scored=7, abstained=2, rejected_by_reason={RejectReason.SILENT: 3}, genres={"jazz": 4, "blues": 1})
    usage = Usage(tracks=5, bytes_read=1_500_000, cpu_s=2.0, first_sent_s=10.0, last_commit_s=12.0, made_s=4.0)
    return make_report("/out", plan(10), counts, usage, resumed=resumed, wall_s=9.0, kept=5)


def test_counts_are_of_the_run_and_figures_of_this_process() -> None:
    made = report(resumed=True)
    assert (made.listed, made.skipped, made.scored, made.rejected, made.abstained) == (12, 2, 7, 3, 2)
    assert made.listed == made.skipped + made.scored + made.rejected
    assert made.rejects_by_reason == {"silent": 3}
    assert (made.tracks_per_s, made.cpu_s_per_track) == (2.5, 0.4)
    assert made.reject_rate == pytest.approx(0.3)


def test_the_summary_has_a_line_for_everything_a_user_acts_on() -> None:
    text = report(resumed=True).summary()
    assert text.splitlines()[0] == "12 tracks listed, 2 done by earlier runs, 7 scored, 3 rejected"
    assert "resumed with the listing it was planned with: 5 tracks kept, 5 done now" in text
    assert text.index("jazz") < text.index("blues") < text.index("silent")
    assert "abstained on 2" in text
    assert "9 s in all: 6 s to start, then 5 tracks in 2 s (2.50 tracks/s)\n" in text
    assert "0.400 CPU-seconds per track, 1.5 MB read" in text
    assert text.endswith("table: /out/scores\nrejects: /out/rejects")
    assert "resumed" not in report().summary()


@pytest.mark.parametrize(
    ("scored", "rejected", "tables"), [(7, 0, ["/out/scores"]), (0, 3, ["/out/rejects"]), (0, 0, [])]
)
def test_only_tables_that_were_written_are_named(scored: int, rejected: int, tables: list[str]) -> None:
    made = report().model_copy(update={"scored": scored, "rejected": rejected})
    assert [line.partition(": ")[2] for line in made.summary().splitlines() if "/out" in line] == tables


def test_with_nothing_to_do_it_says_so() -> None:
    made = nothing_to_do("/out", plan(0), wall_s=0.5)
    assert (made.run_id, made.listed, made.skipped, made.reject_rate) == (None, 12, 12, 0.0)
    assert made.summary().endswith("nothing to do: every track has its answer or its reject already")


def test_a_report_by_an_earlier_version_can_be_read() -> None:
    ratios = ForecastRatios(hours=1.5, cpu=1.0, bytes_read=1.0, reads=1.0)
    now = report().model_copy(update={"forecast_error": ratios})
    written = now.model_dump_json(indent=1).encode()
    before = written.replace(b'"forecast_error"', b'"hindsight"')
    assert b'"forecast_error"' not in before
    for data in (written, before):
        assert RunReport.model_validate_json(data) == now
        assert RunReport.model_validate_json(data).is_written_as(data)
        assert not now.is_written_as(data.replace(b"hours", b"houres"))
