"""The page of a track: eight pictures and an answer."""

import numpy as np
import pytest
from page_checks import read_page

from genre_batch.evaluation.track_answer import HeardTrack
from genre_batch.evaluation.track_page import track_page
from genre_batch.model.scores import Score

URI = "s3://music/<script>alert(1)</script>\x1b.flac"


def heard(genre: str | None) -> HeardTrack:
    samples = np.random.default_rng(0).normal(0.0, 0.1, 2 * 22_050).astype(np.float32)
    best = (("<i>jazz", 0.75), ("rock", 0.25))
    score = Score(genre, 0.75, best, genre is None, 3)
    return HeardTrack(URI, 1234, "flac", "soundfile", 200.5, 15.0, 22_050, samples, score)


def test_it_draws_the_track_and_shows_what_it_is() -> None:
    page = read_page(track_page(heard("<i>jazz"), "small-1"))
    assert page.title == "s3://music/<script>alert(1)</script>\\x1b.flac"
    assert len(page.images) == len(set(page.images)) == 8
    assert "flac, 200.5 s, 1,234 bytes, read by soundfile" in page.text
    assert "15.0 s to 17.0 s" in page.text
    assert page.text.count("<i>jazz") == 2
    assert "75.0 %" in page.text


@pytest.mark.parametrize(("genre", "abstains"), [(None, True), ("rock", False)])
def test_it_says_when_the_model_abstains(genre: str | None, abstains: bool) -> None:
    assert ("It abstains" in read_page(track_page(heard(genre), "small-1")).text) is abstains
