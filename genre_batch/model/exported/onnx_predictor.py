"""Runs any exported ONNX classifier on segments, with ONNX Runtime."""

import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from genre_batch.errors import UsageError
from genre_batch.features.segments import Segments
from genre_batch.model.architecture import OnnxSettings
from genre_batch.model.bundle import Bundle
from genre_batch.model.devices import Device, Precision
from genre_batch.model.exported.onnx_inputs import (
    ELEMENT_TYPES,
    Array,
    Dimension,
    Layout,
    OnnxShape,
    fits,
    input_shape,
    shape_text,
    to_layout,
)
from genre_batch.model.scores import Floats

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, NodeArg, SessionOptions

_GPU_BATCH = 32
_LEAST_PROBABILITY = 1e-7
_TOLERANCE = 1e-3
_REFUSES_EXTERNAL_DATA = "session.model_external_initializers_file_folder_path"


class OnnxPredictor:
    """An ONNX model on the CPU, on one thread, or on a GPU.

    All batches have the size that the model was exported with. If it takes any size, that is 1 on a CPU, so that a
    segment's answer cannot depend on the others, and 32 on a GPU. Other files and custom operators are never loaded.
    The model is run once at the start. Raises UsageError if it does not take the front end's segments or does not give
    one answer per genre.
    """

    def __init__(self, bundle: Bundle, device: Device = "auto") -> None:
        settings = bundle.manifest.architecture
        assert isinstance(settings, OnnxSettings)
        self.precision: Precision = "fp32"
        self._settings = settings
        self._genres = len(bundle.manifest.taxonomy.genres)
        on_gpu = _on_gpu(device)
        self._session = _open(bundle.files["model.onnx"], on_gpu)
        # onnxruntime silently uses the CPU if CUDA does not start
        if on_gpu and "CUDAExecutionProvider" not in self._session.get_providers():
            if device == "cuda":
                raise UsageError("onnxruntime cannot start CUDA here", "set predict.device to cpu")
            on_gpu = False
        source, self._output = _input(self._session), _output(self._session, settings.output)
        self._input, self._dtype = source.name, ELEMENT_TYPES[source.type]
        rows, columns = bundle.manifest.front_end.segment_shape
        expected = input_shape(settings.layout, rows, columns)
        if not fits(source.shape, expected):
            raise UsageError(
                f"the ONNX model takes {shape_text(source.shape)}, and the front end gives {shape_text(expected)} "
                f"in layout {settings.layout}",
                "change architecture.layout or the front end's settings to those that the model was trained with",
            )
        self._batch = _batch_size(source.shape, settings.layout, on_gpu=on_gpu)
        self._try(rows, columns)

    def logits(self, segments: Segments) -> Floats:
        """[n, n_genres] float32 of `segments` [n, rows, columns]; of probabilities, their logarithms."""
        parts = [np.empty((0, self._genres), np.float32)]
        for start in range(0, len(segments), self._batch):
            chunk = segments[start : start + self._batch]
            parts.append(self._as_logits(self._run(chunk))[: len(chunk)])
        return np.concatenate(parts)

    def _run(self, chunk: Segments) -> Array:
        """The model's own answer to `chunk`, filled up with zeros to a whole batch."""
        batch = np.zeros((self._batch, *chunk.shape[1:]), self._dtype)
        batch[: len(chunk)] = chunk
        (answer,) = self._session.run([self._output], {self._input: to_layout(batch, self._settings.layout)})
        array: Array = np.asarray(answer)
        return array if "B" in self._settings.layout else array[None]

    def _as_logits(self, answer: Array) -> Floats:
        """[B, n_genres] of an answer [B, n_genres], or [B, frames, n_genres] which is averaged over its frames."""
        single = answer.astype(np.float32)
        means: Floats = single.mean(axis=1) if single.ndim == 3 else single
        return means if self._settings.answers == "logits" else np.log(np.clip(means, _LEAST_PROBABILITY, 1.0))

    def _try(self, rows: int, columns: int) -> None:
        # noise, because a model that standardises its input answers silence with NaN
        segments = np.random.default_rng(0).normal(0.0, 0.1, (1, rows, columns)).astype(np.float32)
        try:
            answer = self._run(segments)
        except Exception as error:
            given = shape_text(input_shape(self._settings.layout, rows, columns))
            raise UsageError(
                f"the ONNX model cannot be run on {given}: {_line(error)}",
                "change architecture.layout or the front end's settings to those that the model was trained with",
            ) from error
        expected: OnnxShape = (self._batch, self._genres)
        if answer.ndim not in (2, 3) or (len(answer), answer.shape[-1]) != expected:
            raise UsageError(
                f"output {self._output!r} of the ONNX model is {shape_text(answer.shape)}, not {shape_text(expected)} "
                f"(or that with frames in the middle) for {self._genres} genres",
                "give the genres in the order of the model's outputs, or choose another output: "
                + ", ".join(output.name for output in self._session.get_outputs()),
            )
        if self._settings.answers == "probabilities" and not _are_probabilities(answer[:1]):
            raise UsageError(
                f"output {self._output!r} of the ONNX model holds values outside of 0 to 1",
                "set architecture.answers to logits",
            )


def _batch_size(declared: Sequence[Dimension], layout: Layout, *, on_gpu: bool) -> int:
    if "B" not in layout:
        return 1
    exported = declared[0]
    return exported if isinstance(exported, int) else _GPU_BATCH if on_gpu else 1


def _are_probabilities(answer: Array) -> bool:
    return bool((answer >= -_TOLERANCE).all() and (answer <= 1.0 + _TOLERANCE).all())


def has_cuda() -> bool:
    """Whether the onnxruntime of this environment, if there is one, was built for GPUs."""
    try:
        import onnxruntime
    except ImportError:
        return False
    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def _on_gpu(device: Device) -> bool:
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            "this model bundle holds an ONNX model, and onnxruntime is not installed",
            "pip install onnxruntime, or onnxruntime-gpu for a GPU",
        ) from error
    there = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device == "cuda" and not there:
        raise UsageError(
            "there is no GPU that onnxruntime can use", "pip install onnxruntime-gpu, or set predict.device to cpu"
        )
    return there and device != "cpu"


def _open(data: bytes, on_gpu: bool) -> "InferenceSession":
    from onnxruntime import InferenceSession

    gpu = [("CUDAExecutionProvider", {"use_tf32": "0", "cudnn_conv_algo_search": "DEFAULT"})] if on_gpu else []
    with tempfile.TemporaryDirectory() as empty:
        try:
            return InferenceSession(data, _options(empty), providers=[*gpu, "CPUExecutionProvider"])
        except Exception as error:
            raise UsageError(
                f"the ONNX model cannot be loaded: {_line(error)}",
                "export it as one file, without external data and custom operators",
            ) from error


def _options(empty_folder: str) -> "SessionOptions":
    """One thread. Tensors that the model stores in other files are looked up in a folder that holds none."""
    from onnxruntime import SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    options.add_session_config_entry(_REFUSES_EXTERNAL_DATA, empty_folder)
    return options


def _input(session: "InferenceSession") -> "NodeArg":
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(source.name for source in inputs)
        raise UsageError(f"the ONNX model has {len(inputs)} inputs ({names}), not one", "export it with one input")
    (source,) = inputs
    if source.type not in ELEMENT_TYPES:
        raise UsageError(f"the ONNX model takes a {source.type}", f"one of {', '.join(ELEMENT_TYPES)} can be given")
    return source


def _output(session: "InferenceSession", name: str | None) -> str:
    outputs = {output.name: output.type for output in session.get_outputs()}
    chosen = name or next(iter(outputs))
    if chosen not in outputs:
        raise UsageError(f"the ONNX model has no output {chosen!r}", f"it has {', '.join(outputs)}")
    if outputs[chosen] not in ELEMENT_TYPES:
        raise UsageError(
            f"output {chosen!r} of the ONNX model is a {outputs[chosen]}, not a tensor of numbers",
            f"choose another with architecture.output ({', '.join(outputs)}), or export it without `zipmap`",
        )
    return chosen


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
