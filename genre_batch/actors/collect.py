"""The actor that stands in the model's place where the features themselves are wanted."""

import time

import numpy as np

from genre_batch.actors.blocks import FeatureBlock, PredictReport, TrackFeatures
from genre_batch.actors.threads import limit_threads


class CollectFeatures:
    """Gives the tracks of a block their features back, each its own, as `PredictGenres` gives them scores."""

    def __init__(self) -> None:
        limit_threads()

    def ready(self) -> None:
        """Return once the actor can work."""

    def predict(self, block: FeatureBlock) -> PredictReport:
        """The segments of each track that has some, in order."""
        cpu_start_s = time.process_time()
        ends = np.searchsorted(block.track_rows, np.arange(block.tracks), side="right")
        parts = np.split(block.segments, ends[:-1])
        outcomes = tuple(TrackFeatures(part) if len(part) else None for part in parts)
        return PredictReport(outcomes, time.process_time() - cpu_start_s)
