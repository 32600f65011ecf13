"""Runs a bundle's network on segments, on a CPU or a GPU."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from genre_batch.errors import UsageError
from genre_batch.features.allocator import keep_freed_memory
from genre_batch.features.segments import Segments
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle
from genre_batch.model.devices import Device, Precision, Runtime
from genre_batch.model.network_runtime import (
    AfterTrunk,
    OnnxNetwork,
    WithLastLayer,
    fuse_batch_norm,
    make_deterministic,
    state_sha256,
)
from genre_batch.model.networks.build import build_network
from genre_batch.model.networks.settings import NetworkSettings
from genre_batch.model.networks.trunk import Trunk
from genre_batch.model.scores import Floats
from genre_batch.model.segment_answers import SegmentAnswers, SharedValues
from genre_batch.model.staging import HostStaging, PinnedStaging, choose_device

_AUTOCAST = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_TORCH = {np.float16: torch.float16, np.float32: torch.float32}
_GPU_BATCH_SEGMENTS = 64
_CPU_BATCH_VALUES = 4 * 128 * 1292
_KEPT_BYTES = 1 << 30


class Predictor:
    """A network in evaluation mode on one device.

    All batches have the same shape, so that a segment's answer does not depend on how many came with it.
    batch_segments: None takes 64 on a GPU and, on a CPU, as many as fit into the size of four segments of 128 x 1292,
    at most the network's `most_together`; larger batches were not faster there. precision: fp32 means IEEE single
    precision on a GPU as well, not TF32. runtime: onnx takes one segment at a time and ignores `batch_segments`. On a
    CPU, `keep_freed_memory` is called. Raises UsageError if there is no such device, the runtime cannot be used or the
    weights do not fit.
    """

    def __init__(
        self,
        bundle: Bundle,
        device: Device = "auto",
        precision: Precision = "fp32",
        batch_segments: int | None = None,
        runtime: Runtime = "torch",
    ) -> None:
        front_end = bundle.manifest.front_end
        self.precision: Precision = precision
        self.device = choose_device(device)
        self._genres = len(bundle.manifest.taxonomy.genres)
        rows, columns = front_end.segment_shape
        settings = bundle.manifest.architecture
        assert isinstance(settings, NetworkSettings)
        settings.check_precision(precision)
        network = load_network(bundle)
        self._trunk: nn.Module | None = None
        self._trunk_id: str | None = None
        if runtime == "onnx":
            _check_for_onnx(self.device, precision)
            batch_segments = 1
            exported = WithLastLayer(network, settings.last_layer) if bundle.manifest.embedding else network
            self._network: OnnxNetwork | nn.Module = OnnxNetwork(exported, rows, columns)
        else:
            if isinstance(network, Trunk):
                self._trunk_id = f"{state_sha256(network.trunk)} {self.device} {precision}"
            placed, layer = _on_device(network, self.device, settings), settings.last_layer
            if isinstance(placed, Trunk):
                self._trunk, placed, layer = placed.trunk, AfterTrunk(placed), f"network.{layer}"
            self._network = WithLastLayer(placed, layer)
        most = settings.most_together
        shape = batch_segments or _batch_segments(self.device, rows * columns, most), rows, columns
        if self.device.type == "cuda":
            self._staging: HostStaging | PinnedStaging = PinnedStaging(shape, self.device, _TORCH[front_end.dtype])
        else:
            self._staging = HostStaging(shape)
            keep_freed_memory(block_bytes=_KEPT_BYTES, total_bytes=_KEPT_BYTES)

    def logits(self, segments: Segments) -> Floats:
        """The network's answer [n, n_genres] float32 to `segments` [n, rows, columns]."""
        return self.answers(segments).logits

    def logits_and_layer(self, segments: Segments) -> tuple[Floats, Floats]:
        """The same, and the network's last layer [n, n_values] float32; with onnx, the bundle must have embeddings."""
        answers = self.answers(segments)
        return answers.logits, np.empty((0, 0), np.float32) if answers.layer is None else answers.layer

    def trunk_id(self) -> str | None:
        """What decides the trunk's values of a segment; None if the network has no trunk, or with onnx."""
        return self._trunk_id

    def trunk_values(self, segments: Segments) -> SharedValues:
        """The trunk's values of `segments`, for `answers` of any predictor with the same `trunk_id`."""
        assert self._trunk
        with self._mode():
            return [self._trunk(batch) for batch in self._staging.batches(segments)]

    def answers(self, segments: Segments, values: SharedValues | None = None) -> SegmentAnswers:
        """All outputs of the network for `segments`, from one pass; with onnx, the layer only for embeddings.

        values: what `trunk_values` returned for them, if that is known.
        """
        genres = self._genres
        if len(segments) == 0:
            return SegmentAnswers(np.empty((0, genres), np.float32))
        columns, *layers = (_joined(part, len(segments)) for part in zip(*self._answers(segments, values), strict=True))
        answers = SegmentAnswers(columns[:, :genres], layer=layers[0] if layers else None)
        if columns.shape[1] == genres:
            return answers
        return replace(answers, distances=columns[:, genres], tags=columns[:, genres + 1 :])

    def _answers(self, segments: Segments, values: SharedValues | None) -> list[tuple[torch.Tensor, ...]]:
        inputs = self.trunk_values(segments) if self._trunk and values is None else values
        with self._mode():
            return [self._network(batch) for batch in inputs or self._staging.batches(segments)]

    @contextmanager
    def _mode(self) -> Iterator[None]:
        with (
            torch.inference_mode(),
            torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False),
            torch.autocast(self.device.type, _AUTOCAST[self.precision], enabled=self.precision != "fp32"),
        ):
            yield


def _joined(batches: Sequence[torch.Tensor], n: int) -> Floats:
    with torch.inference_mode():
        rows: Floats = torch.cat([batch.float() for batch in batches])[:n].cpu().numpy()
    return rows


def _check_for_onnx(device: torch.device, precision: Precision) -> None:
    if device.type != "cpu" or precision != "fp32":
        raise UsageError(
            f"predict.runtime onnx is for CPUs in fp32, not for {device.type} in {precision}",
            "set predict.device to cpu and predict.precision to fp32, or predict.runtime to torch",
        )


def _on_device(network: nn.Module, device: torch.device, settings: NetworkSettings) -> nn.Module:
    placed = (make_deterministic(network) if device.type == "cpu" else network).to(device)
    if device.type == "cpu" and not settings.channels_last:
        return placed
    return placed.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]  # not in the stubs


def _batch_segments(device: torch.device, segment_values: int, most: int) -> int:
    if device.type == "cuda":
        return _GPU_BATCH_SEGMENTS
    return min(most, max(1, _CPU_BATCH_VALUES // segment_values))


def load_network(bundle: Bundle) -> nn.Module:
    """The bundle's network in evaluation mode; weights stored in half precision become single."""
    manifest = bundle.manifest
    assert isinstance(manifest.architecture, NetworkSettings)
    try:
        network = build_network(manifest.architecture, *manifest.front_end.segment_shape, len(manifest.taxonomy.genres))
        network.load_state_dict(load(bundle.files[WEIGHTS_FILE]))
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"the weights of the model bundle {bundle.uri} do not fit its architecture: {str(error).splitlines()[0]}",
            "train the bundle again",
        ) from error
    return fuse_batch_norm(network.eval()).requires_grad_(False)
