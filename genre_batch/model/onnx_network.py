"""A network of torch, run by ONNX Runtime on one CPU thread."""

import io
import warnings

import torch
from torch import nn

from genre_batch.errors import UsageError


class OnnxNetwork:
    """`network` in evaluation mode, exported to ONNX in memory for segments of `rows` x `columns`.

    It takes one segment at a time, so that an answer cannot depend on what stands beside it. Raises UsageError where
    onnxruntime is missing, or the network has an operation that ONNX has not.
    """

    def __init__(self, network: nn.Module, rows: int, columns: int) -> None:
        try:
            from onnxruntime import InferenceSession, SessionOptions
        except ImportError as error:
            raise UsageError(
                "predict.runtime is onnx, and onnxruntime is not installed",
                "pip install 'genre-batch[onnx]', or set predict.runtime to torch",
            ) from error
        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4
        exported = _export(network, torch.zeros(1, 1, rows, columns))
        self._session = InferenceSession(exported, options, providers=["CPUExecutionProvider"])

    def __call__(self, segment: torch.Tensor) -> torch.Tensor:
        """Logits [1, n_genres] of `segment` [1, 1, rows, columns] float32."""
        (logits,) = self._session.run(["logits"], {"segment": segment.numpy()})
        return torch.from_numpy(logits)


def _export(network: nn.Module, example: torch.Tensor) -> bytes:
    """The exporter by tracing: 1 s of CPU for seed 001's network, where torch's newer one takes 7 and more packages."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is a newer exporter, and that shapes become constants
        try:
            torch.onnx.export(
                network,
                (example,),
                buffer,  # type: ignore[arg-type]  # a file will do without dynamo
                input_names=["segment"],
                output_names=["logits"],
                dynamo=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise UsageError(
                f"ONNX Runtime cannot run this network: {str(error).splitlines()[0]}", "set predict.runtime to torch"
            ) from error
    return buffer.getvalue()
