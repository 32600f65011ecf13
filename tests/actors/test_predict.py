"""The predict actor as the plain class it is: one pooled answer a track."""

import numpy as np
import pytest

from genre_batch.actors.blocks import FeatureBlock
from genre_batch.actors.predict import PredictGenres
from genre_batch.catalog.reject import Reject, RejectReason
from genre_batch.model.bundle import load_bundle
from genre_batch.model.golden import read_golden
from genre_batch.model.scores import Score


@pytest.fixture(scope="module")
def actor() -> PredictGenres:
    return PredictGenres("default", "cpu", "fp32")


def block(rows: list[int], tracks: int) -> FeatureBlock:
    segments = read_golden(load_bundle("default")).segments
    picked = [segments[number % len(segments)] for number in range(len(rows))]
    return FeatureBlock(np.stack(picked), np.asarray(rows, np.int32), tracks)


def test_every_track_with_segments_has_a_score_and_the_others_none(actor: PredictGenres) -> None:
    outcomes = actor.predict(block([0, 2, 2], 4)).outcomes
    assert [type(outcome) for outcome in outcomes] == [Score, type(None), Score, type(None)]
    first, _, third, _ = outcomes
    assert isinstance(first, Score)
    assert isinstance(third, Score)
    assert (first.segments, third.segments) == (1, 2)
    assert sum(probability for _, probability in first.top_k) == pytest.approx(1.0, abs=1e-4)


def test_a_track_is_answered_alike_in_any_company(actor: PredictGenres) -> None:
    alone = actor.predict(block([0], 1)).outcomes[0]
    together = actor.predict(block([0, *[1] * 70], 2)).outcomes[0]
    assert alone == together


def test_segments_that_are_not_numbers_reject_their_track_alone(actor: PredictGenres) -> None:
    broken = block([0, 1], 2)
    broken.segments[0] = np.nan
    rejected, scored = actor.predict(broken).outcomes
    assert isinstance(rejected, Reject)
    assert rejected.reason is RejectReason.NOT_FINITE
    assert isinstance(scored, Score)
