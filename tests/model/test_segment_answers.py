"""Every kind of predictor returns answers; some return more than logits."""

import numpy as np

from genre_batch.features.segments import Segments
from genre_batch.model.scores import Floats
from genre_batch.model.segment_answers import SegmentAnswers, SharedValues, ask

SEGMENTS = np.zeros((2, 3, 4), np.float16)


class Plain:
    precision = "fp32"

    def logits(self, segments: Segments) -> Floats:
        return np.ones((len(segments), 2), np.float32)


class Rich(Plain):
    def answers(self, segments: Segments) -> SegmentAnswers:
        return SegmentAnswers(self.logits(segments), distances=np.zeros(len(segments), np.float32))


def test_a_plain_predictor_tells_logits_alone() -> None:
    answers = ask(Plain(), SEGMENTS)
    assert answers.logits.shape == (2, 2)
    assert (answers.distances, answers.tags) == (None, None)


def test_values_of_a_trunk_reach_a_predictor_that_has_one() -> None:
    class WithTrunk(Plain):
        def trunk_id(self) -> str | None:
            return "a trunk"

        def trunk_values(self, segments: Segments) -> SharedValues:
            return []

        def answers(self, segments: Segments, values: SharedValues | None = None) -> SegmentAnswers:
            return SegmentAnswers(self.logits(segments), tags=None if values is None else np.ones((2, 1), np.float32))

    assert ask(WithTrunk(), SEGMENTS).tags is None
    assert ask(WithTrunk(), SEGMENTS, []).tags is not None


def test_a_rich_one_tells_all_it_knows() -> None:
    assert ask(Rich(), SEGMENTS).distances is not None
