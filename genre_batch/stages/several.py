"""Several models in one pass: each track is read and decoded once, and every model answers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from genre_batch.catalog.reject import Reject
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.model.scores import Score
from genre_batch.model.segment_answers import SharedValues
from genre_batch.sink.schema import RejectedTrack, ScoredTrack
from genre_batch.stages.extract_several import ExtractForSeveral
from genre_batch.stages.feature_block import FeatureBlock
from genre_batch.stages.fused import fuse, unfused
from genre_batch.stages.predict import PredictGenres
from genre_batch.stages.stage import Flow, StageReport, same_or_all


@dataclass(frozen=True, slots=True)
class SeveralAnswers:
    """What became of one track, for each model: what the decoder learned of it, or its Reject, and the answer."""

    track: Track
    facts: tuple[TrackFacts | Reject, ...]
    scores: tuple[Score | Reject | None, ...]

    def of(self, model: int) -> ScoredTrack | RejectedTrack:
        """The row of the model with this number. Raises ValueError if the track has no outcome."""
        facts, score = self.facts[model], self.scores[model]
        reject = next((found for found in (facts, score) if isinstance(found, Reject)), None)
        if reject is not None:
            return RejectedTrack(self.track, reject, attempts=1)
        if not isinstance(facts, TrackFacts) or not isinstance(score, Score):
            raise ValueError(f"no outcome for {self.track.track_id!r}")
        return ScoredTrack(self.track, facts, score)


class PredictForSeveral:
    """Runs several models on blocks, and a trunk that some have in common once.

    models: for each the arguments of `PredictGenres`. Raises as that does.
    """

    def __init__(self, *models: Sequence[object]) -> None:
        self._models = [PredictGenres(*model) for model in models]  # type: ignore[arg-type]

    def ready(self) -> None:
        """Return once the actor can work."""

    def run(self, blocks: Sequence[FeatureBlock]) -> StageReport:
        """For each track what every model says: a Score or a Reject, or None if it has no segments for the model.

        blocks: for each model its own; those of equal front ends are one object.
        """
        cpu_start_s, kept = time.process_time(), dict[tuple[str, int], SharedValues]()
        found = [_answers(model, block, kept) for model, block in zip(self._models, blocks, strict=True)]
        return StageReport(tuple(map(same_or_all, zip(*found, strict=True))), time.process_time() - cpu_start_s)


def _answers(
    model: PredictGenres, block: FeatureBlock, kept: dict[tuple[str, int], SharedValues]
) -> tuple[object, ...]:
    """What a model says of its block, which has no segments at all if its front end rejected every track.

    kept: values of trunks, by trunk and block, for the next model.
    """
    if not len(block.segments):
        return (None,) * block.tracks
    return model.run(block, model.shared_values(block, kept)).outcomes


def together(flows: Sequence[Flow]) -> Flow:
    """One flow that does what `flows` do, each for one model; its rows are SeveralAnswers, unless there is one flow.

    The models run in the extract actors if all of them do so alone.
    """
    if len(flows) == 1:
        return flows[0]
    extracts, predicts = zip(*(unfused(flow.stages) for flow in flows), strict=True)
    bundles, *others = zip(*(stage.arguments for stage in extracts), strict=True)
    extract = replace(
        extracts[0],
        worker=ExtractForSeveral,
        arguments=(bundles, *(each[0] for each in others)),
        # together, and then for each front end alone
        track_s=extracts[0].track_s * (1 + len(flows)),
    )
    predict = replace(
        predicts[0],
        worker=PredictForSeveral,
        arguments=tuple(stage.arguments for stage in predicts),
        num_gpus=max(stage.num_gpus for stage in predicts),
        call_s=sum(stage.call_s for stage in predicts),
    )
    placement = "; ".join(dict.fromkeys(flow.placement for flow in flows))
    flow = Flow([extract, predict], row=SeveralAnswers, placement=placement)
    return fuse(flow) if all(len(flow.stages) == 1 for flow in flows) else flow
