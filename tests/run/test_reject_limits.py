"""When a run is stopped early, and when a finished one counts as failed."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Literal

import pytest
from sink.shard_rows import make_plan

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.catalog.track import Track
from genre_batch.config import FeaturesConfig, load
from genre_batch.errors import TooManyRejects, UserError
from genre_batch.run.reject_limits import judge, outcome_watcher
from genre_batch.sink.record import Counts

RUN_ID = "20261121T065212Z-3f09ab"
DENIED = Reject(RejectReason.ACCESS_DENIED, RejectStage.READ, "Access Denied")
CORRUPT = Reject(RejectReason.CORRUPT, RejectStage.DECODE, "bad bytes")
SILENT = Reject(RejectReason.SILENT, RejectStage.FEATURES, "no sound")


def carry_out(rejects: Sequence[Reject | None], *overrides: str, folder: str = "s3://music/in/") -> list[Track]:
    """The tracks that were counted for progress, if nothing stops the run."""
    counted: list[Track] = []
    config = load(FeaturesConfig, None, overrides, {"source": folder, "output": "s3://out"})
    on_done = outcome_watcher(counted.extend, config, RUN_ID)
    tracks = [Track(f"{folder}{n}\n.mp3", f"{folder}{n}\n.mp3", "v1", 1) for n in range(len(rejects))]
    for start in range(0, len(tracks), 10):
        on_done(tracks[start : start + 10], list(rejects[start : start + 10]))
    return counted


def test_a_run_within_its_limits_continues() -> None:
    assert len(carry_out([None, None, None, DENIED, CORRUPT] * 300, "max_reject_rate=0.4")) == 1_500


def test_too_many_rejects_stop_it_with_counts_examples_and_a_hint() -> None:
    with pytest.raises(TooManyRejects) as stopped:
        carry_out([CORRUPT, None, SILENT, CORRUPT] * 300)
    assert stopped.value.exit_code == 3
    assert str(stopped.value) == (
        "stopped: 750 of 1,000 tracks were rejected, more than max_reject_rate=0.25 allows: 500 corrupt, 250 silent. "
        r"For example s3://music/in/0\n.mp3: bad bytes (corrupt); s3://music/in/2\n.mp3: no sound (silent)"
    )
    assert RUN_ID in stopped.value.hint
    assert "--set max_reject_rate=1 " in stopped.value.hint


def test_denied_access_names_the_bucket_and_the_missing_permission() -> None:
    with pytest.raises(UserError) as stopped:
        carry_out([None, *[DENIED] * 20])
    assert stopped.value.exit_code == 1
    assert r"no permission to read 20 consecutive tracks. For example s3://music/in/1\n.mp3: Access Denied" in str(
        stopped.value
    )
    assert "s3:GetObject on arn:aws:s3:::music/*" in stopped.value.hint
    assert "max_denied_in_a_row=null" in stopped.value.hint
    assert len(carry_out([DENIED] * 30, "max_denied_in_a_row=null")) == 30


def test_denied_local_files_have_a_hint_without_buckets() -> None:
    with pytest.raises(UserError) as stopped:
        carry_out([DENIED] * 20, folder="/music/")
    assert "read these files" in stopped.value.hint
    assert "s3" not in stopped.value.hint


@pytest.mark.parametrize(
    ("skipped", "scored", "rejected", "too_many"),
    [
        (0, 0, 1, True),
        (0, 6, 4, True),
        (0, 8, 2, False),
        (3, 0, 1, True),
        (3, 1, 9, False),
        (3, 0, 0, False),
        (0, 0, 0, False),
        (1000, 0, 100, True),
        (1000, 60, 40, True),
    ],
)
def test_too_many_rejects_have_their_own_exit_code(skipped: int, scored: int, rejected: int, too_many: bool) -> None:
    """A few tracks that fail again each night are not too many if others get an answer."""
    with pytest.raises(TooManyRejects) if too_many else nullcontext():
        check(skipped, scored, rejected)


@pytest.mark.parametrize("skipped", [0, 3, 1000])
@pytest.mark.parametrize("tried", [1, 99, 5_000])
def test_a_run_without_an_answer_fails_whatever_the_settings_allow(skipped: int, tried: int) -> None:
    with pytest.raises(TooManyRejects, match=f"{tried:,} tracks? tried, and none got an answer: {tried:,} corrupt"):
        check(skipped, 0, tried, max_reject_rate=1.0)


@pytest.mark.parametrize(
    ("skipped", "scored", "rejected", "abstained", "labelled_nothing"),
    [
        (0, 1, 0, 1, True),
        (0, 5_000, 0, 5_000, True),
        (0, 9, 1, 9, True),
        (0, 5_000, 0, 4_999, False),
        (1_000, 100, 0, 100, True),
        (1_000, 99, 0, 99, False),
        (1_000, 0, 0, 0, False),
    ],
)
def test_a_run_without_a_genre_fails(
    skipped: int, scored: int, rejected: int, abstained: int, labelled_nothing: bool
) -> None:
    """A nightly run of a few tracks on which the model abstains does not fail."""
    failure = pytest.raises(TooManyRejects, match=rf"abstained on every track that it scored \({scored:,}\)")
    with failure if labelled_nothing else nullcontext() as ended:
        check(skipped, scored, rejected, abstained, max_reject_rate=1.0)
    assert ended is None or "thresholds" in ended.value.hint
    assert ended is None or "lower min_in_scope" in ended.value.hint


def test_features_need_no_genre() -> None:
    check(0, 9, 0, 9, answers="features")
    with pytest.raises(TooManyRejects, match="none has a genre"):
        check(0, 9, 0, 9, answers="scores")


def check(
    skipped: int,
    scored: int,
    rejected: int,
    abstained: int = 0,
    *,
    answers: Literal["scores", "features"] = "scores",
    max_reject_rate: float = 0.25,
) -> None:
    """Raise why the run with these counts failed, if it did."""
    tried = scored + rejected
    plan = make_plan(tried, answers=answers, skipped=skipped, listed=skipped + tried)
    reasons = {RejectReason.CORRUPT: rejected} if rejected else {}
    counts = Counts(scored=scored, abstained=abstained, rejected_by_reason=reasons)
    if error := judge(plan, counts, "/out", max_reject_rate):
        raise error
