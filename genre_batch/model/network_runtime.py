"""A trained network in the form that scoring runs: fused, with answers that do not depend on the batch, or in ONNX."""

import hashlib
import io
import warnings
from itertools import pairwise
from typing import cast

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from genre_batch.errors import UsageError
from genre_batch.model.networks.trunk import Trunk


def fuse_batch_norm(network: nn.Module) -> nn.Module:
    """`network`, changed in place: each Conv2d followed by a BatchNorm2d in an `nn.Sequential` becomes one Conv2d.

    In sequences, ReLU overwrites its input. The answers are the same except for rounding; `short_cnn` takes a fifth
    less time on a CPU. The network must be in evaluation mode, and cannot be trained further.
    """
    for sequence in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for place, (convolution, norm) in enumerate(pairwise(list(sequence))):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                sequence[place] = fuse_conv_bn_eval(convolution, norm)
                sequence[place + 1] = nn.Identity()
        for module in list(sequence)[1:]:
            if isinstance(module, nn.ReLU):
                module.inplace = True
    return network


class DeterministicLinear(nn.Module):
    """A trained `linear` that adds in double precision and rounds once.

    BLAS adds in an order that depends on a row's place in the matrix. In single precision the last bit of an answer
    would therefore depend on the rest of the batch.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.register_buffer("weight", linear.weight.detach().double())
        bias = cast("torch.Tensor | None", linear.bias)
        self.register_buffer("bias", None if bias is None else bias.detach().double())

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """[..., n_in] to [..., n_out], of the dtype of `inputs`."""
        outputs = nn.functional.linear(inputs.double(), self.get_buffer("weight"), self.bias)  # type: ignore[arg-type]
        return outputs.to(inputs.dtype)


def make_deterministic(network: nn.Module) -> nn.Module:
    """`network`, changed in place: each `nn.Linear` becomes a `DeterministicLinear`. It cannot be trained further."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Linear):
                setattr(module, name, DeterministicLinear(child))
    return network


class WithLastLayer(nn.Module):
    """`network`, giving its last layer too. layer: see `NetworkSettings.last_layer`."""

    def __init__(self, network: nn.Module, layer: str) -> None:
        super().__init__()
        self.network = network
        self._seen: torch.Tensor | None = None
        parent, _, child = layer.rpartition(".")
        module = list(network.get_submodule(parent).children())[-1] if child == "-1" else network.get_submodule(layer)
        module.register_forward_pre_hook(self._keep)

    def _keep(self, _: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self._seen = inputs[0]

    def forward(self, segments: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The logits [B, n_genres] of `segments` [B, 1, rows, columns], and the last layer [B, n]."""
        logits = self.network(segments)
        seen, self._seen = self._seen, None
        assert seen is not None
        return logits, seen.flatten(start_dim=1)


class AfterTrunk(nn.Module):
    """`network` without its trunk: from the trunk's values [B, n_values] to answers."""

    def __init__(self, network: Trunk) -> None:
        super().__init__()
        self.network = network

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """The answers of `Trunk.answers`."""
        return self.network.answers(values)


def state_sha256(network: nn.Module) -> str:
    """sha256, in hex, over all names and values of a network's state."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class OnnxNetwork:
    """`network` in evaluation mode, exported to ONNX in memory for segments of `rows` x `columns`.

    It takes one segment at a time, so that an answer cannot depend on the rest of a batch. Raises UsageError if
    onnxruntime is missing, or the network has an operation that ONNX does not support.
    """

    def __init__(self, network: nn.Module, rows: int, columns: int) -> None:
        try:
            from onnxruntime import InferenceSession, SessionOptions
        except ImportError as error:
            raise UsageError(
                "predict.runtime is onnx, and onnxruntime is not installed",
                "pip install onnxruntime, or set predict.runtime to torch",
            ) from error
        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4
        exported = export_to_onnx(network, torch.zeros(1, 1, rows, columns))
        self._session = InferenceSession(exported, options, providers=["CPUExecutionProvider"])

    def __call__(self, segment: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Logits [1, n_genres] of `segment` [1, 1, rows, columns] float32, and the last layer if `network` gives it."""
        return tuple(map(torch.from_numpy, self._session.run(None, {"segment": segment.numpy()})))


def export_to_onnx(network: nn.Module, example: torch.Tensor) -> bytes:
    """`network` in ONNX, for segments of the shape of `example`. Raises UsageError if ONNX does not support an
    operation of it.

    It uses the tracing exporter: 1 s of CPU for `mel_cnn`. torch's newer one takes 7 s and needs more packages.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the newer exporter, and about shapes that become constants
        try:
            torch.onnx.export(
                network,
                (example,),
                buffer,  # type: ignore[arg-type]  # without dynamo, a file is accepted
                input_names=["segment"],
                output_names=["logits", "last_layer"] if isinstance(network, WithLastLayer) else ["logits"],
                dynamo=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise UsageError(
                f"ONNX Runtime cannot run this network: {str(error).splitlines()[0]}", "set predict.runtime to torch"
            ) from error
    return buffer.getvalue()
