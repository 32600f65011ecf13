"""The model stage, on GPUs, or on CPUs if the cluster has none: a feature block becomes scores."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Self

import numpy as np
from pydantic import NonNegativeFloat, model_validator

from genre_batch.catalog.reject import Reject, RejectReason, RejectStage
from genre_batch.errors import UsageError
from genre_batch.model.bundle import load_bundle
from genre_batch.model.devices import Device, Precision, Runtime
from genre_batch.model.embedding import Half
from genre_batch.model.golden import check_probabilities
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Floats, GenreProbability, Score, pool, pooled_answers, to_score
from genre_batch.model.segment_answers import HasTrunk, SegmentAnswers, SharedValues, ask
from genre_batch.stages.feature_block import FeatureBlock
from genre_batch.stages.stage import PoolSize, StageReport, limit_threads

_TOP_K = 10
"""Genres kept for each track: all ten of the shipped model, so that readers see the whole distribution."""

_Tags = tuple[GenreProbability, ...] | None


class PredictPool(PoolSize):
    """How many predict actors a run has, and where they run.

    max_size: at most this many; null means one for each GPU, or one for every two extract actors if there is none.
    num_gpus: GPUs that each one reserves; null means one if the cluster has any. device: `auto`, `cpu` or `cuda`.
    precision: `fp32`, or for networks in torch `bf16` or `fp16`; the kind texture_kernel is for fp32 only. runtime:
    `torch`, or `onnx`, which runs a network that was trained here with ONNX Runtime, and only on the CPU: faster for
    small CNNs, and a second longer to start. placement: `fused` runs the model in the extract actors, on the CPU,
    `separate` in actors of its own, and `auto` takes what is cheaper on the cluster.
    """

    num_gpus: NonNegativeFloat | None = None
    device: Device = "auto"
    precision: Precision = "fp32"
    runtime: Runtime = "torch"
    placement: Literal["auto", "fused", "separate"] = "auto"

    @model_validator(mode="after")
    def _fused_is_on_the_cpu(self) -> Self:
        if self.placement == "fused" and (self.device == "cuda" or self.num_gpus):
            raise ValueError("placement=fused runs the model on the CPU: leave out device=cuda and num_gpus")
        return self

    def gpus_each(self, cluster_gpus: float) -> float:
        """GPUs that each actor reserves on a cluster with `cluster_gpus`; 0 means that it runs on the CPU.

        Raises UsageError if the settings ask for CUDA and give no GPU.
        """
        if self.device == "cpu":
            return 0.0
        each = self.num_gpus if self.num_gpus is not None else min(1.0, cluster_gpus)
        if self.device == "cuda" and not each:
            raise UsageError("predict.device is cuda, but no GPU is given to the actors", "set predict.num_gpus=1")
        return each


class PredictGenres:
    """Runs the model on blocks; loads it from its URI and checks its golden answers first.

    Raises UserError if the bundle is damaged or its answers differ from those it gave when it was made.
    """

    def __init__(
        self,
        bundle_uri: str,
        device: Device,
        precision: Precision,
        runtime: Runtime = "torch",
        min_precision: float | None = None,
        tags_above: float | None = None,
        min_in_scope: float | None = None,
    ) -> None:
        bundle = load_bundle(bundle_uri).chosen(min_precision, tags_above, min_in_scope)
        self._manifest, self._tags_above, self._min_in_scope = bundle.manifest, tags_above, min_in_scope or 0.0
        self._projection = bundle.projection
        self._predictor = open_predictor(bundle, device=device, precision=precision, runtime=runtime)
        limit_threads()
        check_probabilities(bundle, self._predictor)

    def ready(self) -> None:
        """Return once the actor can work."""

    def shared_values(self, block: FeatureBlock, kept: dict[tuple[str, int], SharedValues]) -> SharedValues | None:
        """The trunk's values of the block's segments: from `kept`, or computed and kept there; None without a trunk."""
        if not isinstance(self._predictor, HasTrunk) or (trunk := self._predictor.trunk_id()) is None:
            return None
        key = trunk, id(block)
        if key not in kept:
            kept[key] = self._predictor.trunk_values(block.segments)
        return kept[key]

    def run(self, block: FeatureBlock, values: SharedValues | None = None) -> StageReport:
        """A Score for each track that has segments, pooled over them. values: those of `shared_values`, if any."""
        cpu_start_s = time.process_time()
        answers = ask(self._predictor, block.segments, values)
        loudness, temperature = self._manifest.loudness(block.segments), self._manifest.calibration.temperature
        pooled = pooled_answers(answers.logits, loudness, block.track_rows, block.tracks, temperature)
        counts = np.bincount(block.track_rows, minlength=block.tracks)
        besides = self._embeddings(answers, block), *self._scope_and_tags(answers, block)
        outcomes = tuple(self._outcome(*track) for track in zip(pooled, counts, *besides, strict=True))
        return StageReport(outcomes, time.process_time() - cpu_start_s)

    def _embeddings(self, answers: SegmentAnswers, block: FeatureBlock) -> Sequence[Half | None]:
        """The embedding of each track, if the bundle has embeddings."""
        if self._projection is None or answers.layer is None or not len(answers.layer):
            return [None] * block.tracks
        return list(self._projection.embeddings(answers.layer, block.track_rows, block.tracks))

    def _scope_and_tags(
        self, answers: SegmentAnswers, block: FeatureBlock
    ) -> tuple[Sequence[float | None], Sequence[_Tags]]:
        """`in_scope` and the tags of each track of the block."""
        scopes: Sequence[float | None] = [None] * block.tracks
        tags: Sequence[_Tags] = [None] * block.tracks
        if self._manifest.scope is not None and answers.distances is not None and len(answers.logits):
            of_segments = answers.logits, answers.distances, block.track_rows
            scopes = self._manifest.scope.of_tracks(*of_segments, block.tracks).tolist()
        if self._tags_above is not None and answers.tags is not None and len(answers.tags):
            tags = [self._tags(row) for row in pool(answers.tags, block.track_rows, block.tracks)]
        return scopes, tags

    def _tags(self, probabilities: Floats) -> _Tags:
        """The tags above the threshold; none for a track without segments, whose probabilities are NaN."""
        order = [place for place in np.argsort(-probabilities) if probabilities[place] > (self._tags_above or 0.0)]
        return tuple((self._manifest.architecture.tags[place], float(probabilities[place])) for place in order)

    def _outcome(
        self, probabilities: Floats, segments: int, embedding: Half | None, in_scope: float | None, tags: _Tags
    ) -> Score | Reject | None:
        if segments == 0:
            return None
        if not np.isfinite(probabilities).all() or (embedding is not None and not np.isfinite(embedding).all()):
            return Reject(RejectReason.NOT_FINITE, RejectStage.MODEL, "the model's answer is not a number")
        taxonomy, thresholds = self._manifest.taxonomy, self._manifest.thresholds
        score = to_score(
            probabilities,
            taxonomy,
            thresholds,
            segments=int(segments),
            top_k=_TOP_K,
            in_scope=in_scope,
            min_in_scope=self._min_in_scope,
        )
        return replace(score, embedding=None if embedding is None else embedding.tobytes(), tags=tags)


class CollectFeatures:
    """Stands in for the model where the features themselves are wanted: gives each track its own segments."""

    def __init__(self) -> None:
        limit_threads()

    def ready(self) -> None:
        """Return once the actor can work."""

    def run(self, block: FeatureBlock) -> StageReport:
        """The segments [n, rows, columns] of each track that has some, in order."""
        cpu_start_s = time.process_time()
        ends = np.searchsorted(block.track_rows, np.arange(block.tracks), side="right")
        parts = np.split(block.segments, ends[:-1])
        outcomes = tuple(part if len(part) else None for part in parts)
        return StageReport(outcomes, time.process_time() - cpu_start_s)
