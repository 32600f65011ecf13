"""The GPU actor (or CPU, where there is none): a feature block becomes scores."""

import time

import numpy as np
from pydantic import NonNegativeFloat

from genre_batch.actors.blocks import FeatureBlock, PredictReport
from genre_batch.actors.pool import Pool
from genre_batch.actors.threads import limit_threads
from genre_batch.catalog.reject import Reject, RejectReason, Stage
from genre_batch.model.bundle import load_bundle
from genre_batch.model.calibration import Floats, softmax
from genre_batch.model.devices import Device, Precision, Runtime
from genre_batch.model.golden import check_probabilities
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.pooling import pool
from genre_batch.model.scores import Score, to_score

_TOP_K = 10
"""Genres kept a track: all of the shipped model's, so that readers see the whole distribution and it sums to 1."""


class PredictPool(Pool):
    """How many predict actors a run has and on what.

    `num_gpus: null` gives each a GPU where the cluster has some, and none elsewhere; `max_size: null` means one a
    GPU, or one for every four extract actors on CPUs alone. `runtime: onnx` has a network that was trained here run by
    ONNX Runtime on the CPU, faster for small CNNs; it takes a second more to start.
    """

    num_gpus: NonNegativeFloat | None = None
    device: Device = "auto"
    precision: Precision = "fp32"
    runtime: Runtime = "torch"


class PredictGenres:
    """Runs the network on blocks; loads the model from its URI and checks its golden answers when it starts.

    Raises UserError when the bundle is damaged or answers differently than when it was made.
    """

    def __init__(self, bundle_uri: str, device: Device, precision: Precision, runtime: Runtime = "torch") -> None:
        bundle = load_bundle(bundle_uri)
        self._manifest = bundle.manifest
        self._predictor = open_predictor(bundle, device=device, precision=precision, runtime=runtime)
        limit_threads()
        check_probabilities(bundle, self._predictor)

    def ready(self) -> None:
        """Return once the actor can work."""

    def predict(self, block: FeatureBlock) -> PredictReport:
        """One score a track that has segments, pooled over them."""
        cpu_start_s = time.process_time()
        probabilities = softmax(self._predictor.logits(block.segments), self._manifest.calibration.temperature)
        pooled = pool(probabilities, block.track_rows, block.tracks)
        counts = np.bincount(block.track_rows, minlength=block.tracks)
        outcomes = tuple(self._outcome(row, int(count)) for row, count in zip(pooled, counts, strict=True))
        return PredictReport(outcomes, time.process_time() - cpu_start_s)

    def _outcome(self, probabilities: Floats, segments: int) -> Score | Reject | None:
        if segments == 0:
            return None
        if not np.isfinite(probabilities).all():
            return Reject(RejectReason.NOT_FINITE, Stage.MODEL, "the model's answer is not a number")
        taxonomy, thresholds = self._manifest.taxonomy, self._manifest.thresholds
        return to_score(probabilities, taxonomy, thresholds, segments=segments, top_k=_TOP_K)
