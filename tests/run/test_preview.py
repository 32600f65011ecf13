"""What `score --plan` says to people; that it does nothing is tested with the command line."""

import pytest

from genre_batch.run.preview import PlanReport

PLAN = PlanReport(
    output="out",
    model_id="short-cnn-1",
    resumes=None,
    listed=12_345,
    skipped=345,
    tracks=12_000,
    size_bytes=48_000_000,
    shards=12,
)


def test_it_says_how_much_there_is_to_do_and_that_nothing_was_written() -> None:
    assert PLAN.summary().splitlines() == [
        "12,345 tracks listed, 345 done before, 12,000 to score",
        "48.0 MB in 12 shards, with short-cnn-1",
        "output: out; nothing was written",
    ]


@pytest.mark.parametrize(("resumes", "said"), [(None, False), ("20260101T000000Z-abc123", True)])
def test_an_unfinished_run_is_named(resumes: str | None, said: bool) -> None:
    summary = PLAN.model_copy(update={"resumes": resumes}).summary()
    assert ("would be resumed" in summary) == said
