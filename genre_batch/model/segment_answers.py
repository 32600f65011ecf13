"""The outputs of a model for segments: always logits, and for some models how typical they are and their tags."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from genre_batch.features.segments import Segments
from genre_batch.model.golden import GivesLogits
from genre_batch.model.scores import Floats

if TYPE_CHECKING:
    import torch

SharedValues = Sequence["torch.Tensor"]
"""The values of a trunk, a frozen part that several models can have in common, for each batch of segments."""


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


@runtime_checkable
class HasTrunk(GivesAnswers, Protocol):
    """A predictor that may have a trunk: those with equal trunks can share its values."""

    def trunk_id(self) -> str | None:
        """What decides the trunk's values of a segment; None if there is nothing to share."""

    def trunk_values(self, segments: Segments) -> SharedValues:
        """The trunk's values of `segments`."""

    def answers(self, segments: Segments, values: SharedValues | None = None) -> SegmentAnswers:
        """All its outputs, from the trunk's values if they are known."""


def ask(predictor: GivesLogits, segments: Segments, values: SharedValues | None = None) -> SegmentAnswers:
    """All outputs of `predictor` for `segments` [n, rows, columns], whatever its kind.

    values: what a predictor with the same `trunk_id` has computed for the same segments, if one has.
    """
    if values is not None and isinstance(predictor, HasTrunk):
        return predictor.answers(segments, values)
    if isinstance(predictor, GivesAnswers):
        return predictor.answers(segments)
    return SegmentAnswers(predictor.logits(segments))
