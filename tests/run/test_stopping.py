"""What is told where a run is stopped before its end."""

from collections.abc import Sequence

import pytest

from genre_batch.catalog.reject import Reject, RejectReason, Stage
from genre_batch.catalog.track import Track
from genre_batch.config import FeaturesConfig, load
from genre_batch.errors import TooManyRejects, UserError
from genre_batch.run.stopping import judged

RUN_ID = "20261121T065212Z-3f09ab"
DENIED = Reject(RejectReason.ACCESS_DENIED, Stage.READ, "Access Denied")
CORRUPT = Reject(RejectReason.CORRUPT, Stage.DECODE, "bad bytes")
SILENT = Reject(RejectReason.SILENT, Stage.FEATURES, "no sound")


def carry_out(rejects: Sequence[Reject | None], *overrides: str, folder: str = "s3://music/in/") -> list[Track]:
    """The tracks that were counted for progress, if nothing stops the run."""
    counted: list[Track] = []
    config = load(FeaturesConfig, None, overrides, {"source": folder, "output": "s3://out"})
    on_done = judged(counted.extend, config, RUN_ID)
    tracks = [Track(f"{folder}{n}\n.mp3", f"{folder}{n}\n.mp3", "v1", 1) for n in range(len(rejects))]
    for start in range(0, len(tracks), 10):
        on_done(tracks[start : start + 10], list(rejects[start : start + 10]))
    return counted


def test_a_run_within_its_limits_is_counted_and_goes_on() -> None:
    assert len(carry_out([None, None, None, DENIED, CORRUPT] * 300, "max_reject_rate=0.4")) == 1_500


def test_a_run_of_too_many_rejects_tells_counts_examples_and_the_way_on() -> None:
    with pytest.raises(TooManyRejects) as stopped:
        carry_out([CORRUPT, None, SILENT, CORRUPT] * 300)
    assert stopped.value.exit_code == 3
    assert str(stopped.value) == (
        "stopped: 750 of 1,000 tracks were rejected, more than max_reject_rate=0.25 allows: 500 corrupt, 250 silent. "
        r"For example s3://music/in/0\n.mp3: bad bytes (corrupt); s3://music/in/2\n.mp3: no sound (silent)"
    )
    assert RUN_ID in stopped.value.hint
    assert "--set max_reject_rate=1 " in stopped.value.hint


def test_denied_access_names_the_bucket_and_the_right_that_lacks() -> None:
    with pytest.raises(UserError) as stopped:
        carry_out([None, *[DENIED] * 20])
    assert stopped.value.exit_code == 1
    assert r"20 tracks in a row may not be read. For example s3://music/in/1\n.mp3: Access Denied" in str(stopped.value)
    assert "s3:GetObject on arn:aws:s3:::music/*" in stopped.value.hint
    assert "max_denied_in_a_row=null" in stopped.value.hint
    assert len(carry_out([DENIED] * 30, "max_denied_in_a_row=null")) == 30


def test_denied_files_are_no_matter_of_buckets() -> None:
    with pytest.raises(UserError) as stopped:
        carry_out([DENIED] * 20, folder="/music/")
    assert "read these files" in stopped.value.hint
    assert "s3" not in stopped.value.hint
