"""Runs a bundle's network on segments, on a CPU or a GPU."""

from collections.abc import Iterator

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from genre_batch.errors import UsageError
from genre_batch.features.allocator import keep_freed_memory
from genre_batch.features.front_end import Segments
from genre_batch.model.architecture import AnyNetwork
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle
from genre_batch.model.calibration import Floats
from genre_batch.model.devices import Device, Precision, Runtime
from genre_batch.model.networks.build import build_network
from genre_batch.model.networks.fuse import fuse_batch_norm
from genre_batch.model.networks.steady import make_steady
from genre_batch.model.onnx_network import OnnxNetwork
from genre_batch.model.staging import HostStaging, PinnedStaging

_AUTOCAST = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_TORCH = {np.float16: torch.float16, np.float32: torch.float32}
_GPU_BATCH_SEGMENTS = 64
_CPU_BATCH_SEGMENTS = 64
_CPU_BATCH_VALUES = 4 * 128 * 1292
_KEPT_BYTES = 1 << 30


class Predictor:
    """A network in evaluation mode on one device.

    All batches have the same shape, so that a segment's answer does not depend on how many came with it.
    `batch_segments: None` takes 64 on a GPU and, on a CPU, as many as have the size of four segments of 128 x 1292,
    64 at most; larger batches were measured to be no faster there. `fp32` means IEEE single precision on a GPU as well,
    not TF32. On a CPU, `keep_freed_memory` is called. `runtime: onnx` takes one segment at a time, whatever
    `batch_segments`. Raises UsageError where there is no such device, the runtime cannot be used or the
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
        self.device = _choose(device)
        self._genres = len(bundle.manifest.taxonomy.genres)
        rows, columns = front_end.segment_shape
        if runtime == "onnx":
            _check_for_onnx(self.device, precision)
            batch_segments = 1
            self._network: OnnxNetwork | nn.Module = OnnxNetwork(_load_network(bundle), rows, columns)
        else:
            self._network = _on_device(_load_network(bundle), self.device)
        shape = batch_segments or _batch_segments(self.device, rows * columns), rows, columns
        if self.device.type == "cuda":
            self._staging: HostStaging | PinnedStaging = PinnedStaging(shape, self.device, _TORCH[front_end.dtype])
        else:
            self._staging = HostStaging(shape)
            keep_freed_memory(block_bytes=_KEPT_BYTES, total_bytes=_KEPT_BYTES)

    def logits(self, segments: Segments) -> Floats:
        """The network's answer [n, n_genres] float32 to `segments` [n, rows, columns]."""
        if len(segments) == 0:
            return np.empty((0, self._genres), np.float32)
        with (
            torch.inference_mode(),
            torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False),
            torch.autocast(self.device.type, _AUTOCAST[self.precision], enabled=self.precision != "fp32"),
        ):
            answers = torch.cat(list(self._answers(segments)))
        result: Floats = answers[: len(segments)].cpu().numpy()
        return result

    def _answers(self, segments: Segments) -> Iterator[torch.Tensor]:
        for batch in self._staging.batches(segments):
            yield self._network(batch).float()


def _choose(device: Device) -> torch.device:
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("there is no GPU that torch can use", "set predict.device to auto or cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def _check_for_onnx(device: torch.device, precision: Precision) -> None:
    if device.type != "cpu" or precision != "fp32":
        raise UsageError(
            f"predict.runtime onnx is for CPUs in fp32, not for {device.type} in {precision}",
            "set predict.device to cpu and predict.precision to fp32, or predict.runtime to torch",
        )


def _on_device(network: nn.Module, device: torch.device) -> nn.Module:
    placed = (make_steady(network) if device.type == "cpu" else network).to(device)
    return placed.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]  # not in the stubs


def _batch_segments(device: torch.device, segment_values: int) -> int:
    if device.type == "cuda":
        return _GPU_BATCH_SEGMENTS
    return min(_CPU_BATCH_SEGMENTS, max(1, _CPU_BATCH_VALUES // segment_values))


def _load_network(bundle: Bundle) -> nn.Module:
    """The bundle's network in evaluation mode; weights kept in half precision become single."""
    manifest = bundle.manifest
    assert isinstance(manifest.architecture, AnyNetwork)
    try:
        network = build_network(manifest.architecture, *manifest.front_end.segment_shape, len(manifest.taxonomy.genres))
        network.load_state_dict(load(bundle.files[WEIGHTS_FILE]))
    except (SafetensorError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"the weights of the model bundle {bundle.uri} do not fit its architecture: {str(error).splitlines()[0]}",
            "train the bundle again",
        ) from error
    return fuse_batch_norm(network.eval()).requires_grad_(False)
