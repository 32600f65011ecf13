"""What a run tells at its end."""

from datetime import UTC, datetime

import pytest

from genre_batch.catalog.reject import RejectReason
from genre_batch.engine.usage import Usage
from genre_batch.run.report import ScoreReport, nothing_to_do, score_report, summary
from genre_batch.sink.finish import RunManifest
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


def report(*, resumed: bool = False) -> ScoreReport:
    counts = Counts(scored=7, abstained=2, rejected_by_reason={RejectReason.SILENT: 3}, genres={"jazz": 4, "blues": 1})
    usage = Usage(tracks=5, bytes_read=1_500_000, cpu_s=2.0, first_sent_s=10.0, last_commit_s=12.0)
    manifest = RunManifest(plan=plan(10), counts=counts, files=())
    return score_report("/out", manifest, usage, resumed=resumed, wall_s=9.0)


def test_counts_are_the_run_s_and_figures_this_process_s() -> None:
    made = report(resumed=True)
    assert (made.listed, made.skipped, made.scored, made.rejected, made.abstained) == (12, 2, 7, 3, 2)
    assert made.listed == made.skipped + made.scored + made.rejected
    assert made.rejects_by_reason == {"silent": 3}
    assert (made.tracks_per_s, made.cpu_s_per_track) == (2.5, 0.4)
    assert made.reject_rate == pytest.approx(0.3)


def test_the_summary_has_a_line_for_everything_a_user_acts_on() -> None:
    text = summary(report(resumed=True))
    assert text.splitlines()[0] == "12 tracks listed, 2 done before, 7 scored now, 3 rejected"
    assert "resumed" in text
    assert text.index("jazz") < text.index("blues") < text.index("silent")
    assert "abstained on 2" in text
    assert text.endswith("table: /out/scores")
    assert "resumed" not in summary(report())


def test_with_nothing_to_do_it_says_so() -> None:
    made = nothing_to_do("/out", plan(0), wall_s=0.5)
    assert (made.run_id, made.listed, made.skipped, made.reject_rate) == (None, 12, 12, 0.0)
    assert summary(made).endswith("nothing to do: every track has its answer or its reject already")
