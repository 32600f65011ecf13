"""The outputs of a model for segments: always logits, and for some models how typical they are and their tags."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from genre_batch.features.segments import Segments
from genre_batch.model.golden import GivesLogits
from genre_batch.model.scores import Floats


@dataclass(frozen=True, slots=True)
class SegmentAnswers:
    """The outputs of a model for n segments.

    logits: [n, n_genres]. distances: [n], how far each is from what the model learned from. tags: [n, n_tags],
    probabilities of the tags of `ClassifierSettings.tags`. layer: [n, n_values], the last layer of a network. Each is
    None if the model has no such output.
    """

    logits: Floats
    distances: Floats | None = None
    tags: Floats | None = None
    layer: Floats | None = None


@runtime_checkable
class GivesAnswers(Protocol):
    """A predictor that returns more than logits."""

    def answers(self, segments: Segments) -> SegmentAnswers:
        """All its outputs for `segments` [n, rows, columns]."""


def ask(predictor: GivesLogits, segments: Segments) -> SegmentAnswers:
    """All outputs of `predictor` for `segments` [n, rows, columns], whatever its kind."""
    if isinstance(predictor, GivesAnswers):
        return predictor.answers(segments)
    return SegmentAnswers(predictor.logits(segments))
