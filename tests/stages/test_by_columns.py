"""Rows arrive as they were sent, whatever they are."""

import pickle
from typing import Any

import numpy as np
import pytest

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.model.scores import Score
from genre_batch.stages.by_columns import ByColumns
from genre_batch.stages.stage import StageReport

TRACKS = [Track(f"t{number}", f"s3://b/t{number}", "etag", number) for number in range(3)]
FACTS = [TrackFacts(30.0 + number, 15.0, "soundfile", 44_100, 2) for number in range(3)]
SCORES = [Score("rock", 0.5, (("rock", 0.5), ("jazz", 0.25)), False, 10, embedding=b"ab", in_scope=0.5)] * 3
REJECT = Reject(RejectReason.SILENT, RejectStage.FEATURES, "no sound", "a hint")
PAIRS = list(zip(FACTS, SCORES, strict=True))


def sent(what: object) -> Any:
    """The same after its journey."""
    return pickle.loads(pickle.dumps(what))  # noqa: S301  # our own bytes


@pytest.mark.parametrize(
    "rows",
    [
        [],
        TRACKS,
        PAIRS,
        [PAIRS[0], REJECT, None, PAIRS[1], REJECT],
        [(FACTS[0], REJECT), (FACTS[1], SCORES[1])],
        [(FACTS[0], SCORES[0]), (FACTS[1], SCORES[1], SCORES[2])],
        [((SCORES[0], SCORES[1]), None), ((SCORES[0], REJECT), None)],
        [(), ()],
        ["a", 1, 2.0, b"b"],
        [None, None],
    ],
)
def test_rows_arrive_as_they_were_sent(rows: list[object]) -> None:
    arrived = sent(ByColumns(rows))
    assert type(arrived) is list
    assert arrived == rows
    assert [type(row) for row in arrived] == [type(row) for row in rows]


def test_a_report_arrives_whole() -> None:
    report = StageReport((*PAIRS, REJECT), 1.5, 10, 2, (("Get", "200", 2),), 3.0)
    arrived = sent(report)
    assert arrived == report
    assert hash(arrived.outcomes[0]) == hash(PAIRS[0])


def test_segments_stay_arrays() -> None:
    (arrived,) = sent(StageReport((np.arange(6).reshape(2, 3),), 0.0)).outcomes
    np.testing.assert_array_equal(arrived, [[0, 1, 2], [3, 4, 5]])


def test_objects_that_arrived_are_as_frozen_as_others() -> None:
    (track, *_) = sent(ByColumns(TRACKS))
    with pytest.raises(AttributeError):
        track.uri = "s3://another"
    assert sent(track) == track
