"""Runs an audio classification model of transformers, with its own feature extractor, on segments of samples."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import nn

from genre_batch.decode.waveform import Samples
from genre_batch.errors import UsageError
from genre_batch.features.front_ends.plain_waveform import WaveformFrontEnd
from genre_batch.features.segments import Segments
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle
from genre_batch.model.classifier import FileName
from genre_batch.model.devices import Device, Precision
from genre_batch.model.scores import Floats
from genre_batch.model.staging import choose_device

if TYPE_CHECKING:
    from transformers import BatchFeature

CONFIG_FILE: FileName = "config.json"
EXTRACTOR_FILE: FileName = "preprocessor_config.json"
_GPU_BATCH = 16
_FOREIGN = ("auto_map", "quantization_config", "custom_pipelines")
"""Keys that make transformers load code from elsewhere, or libraries that this package does not expect."""


class Extractor(Protocol):
    """The part of a transformers feature extractor that is used; its own types do not declare that it is callable."""

    sampling_rate: int

    def __call__(self, sounds: list[Samples], *, sampling_rate: int, return_tensors: str) -> "BatchFeature":
        """The model's inputs for `sounds`, each [samples]."""


class HuggingFacePredictor:
    """A model of transformers in single precision, on the CPU or a GPU; only the bundle's own files are used.

    All batches have one size, 1 on a CPU and 16 on a GPU, so that a segment's answer does not depend on how many came
    with it. The model is run once at the start. Raises UsageError if the files are damaged, the weights are not those
    of a whole classifier, or the model does not fit the front end and the genres.
    """

    def __init__(self, bundle: Bundle, device: Device = "auto") -> None:
        front_end, genres = bundle.manifest.front_end, bundle.manifest.taxonomy.genres
        if not isinstance(front_end, WaveformFrontEnd):
            raise UsageError(
                f"a model of transformers takes samples, not {front_end.name} segments",
                "set front_end.name to waveform",
            )
        self.precision: Precision = "fp32"
        self._device = choose_device(device)
        self._batch = _GPU_BATCH if self._device.type == "cuda" else 1
        self._genres, self._rate = len(genres), front_end.sample_rate
        self._extractor, model = _load(bundle)
        self._model = nn.Module.to(model, self._device)
        self._check(front_end)

    def logits(self, segments: Segments) -> Floats:
        """The model's answer [n, n_genres] float32 to `segments` [n, 1, samples]."""
        parts = [np.empty((0, self._genres), np.float32)]
        for start in range(0, len(segments), self._batch):
            chunk = segments[start : start + self._batch, 0].astype(np.float32)
            rows = np.arange(self._batch) % len(chunk)
            parts.append(self._answer(self._features(list(chunk[rows])))[: len(chunk)])
        return np.concatenate(parts)

    def _features(self, batch: list[Samples]) -> "BatchFeature":
        return self._extractor(batch, sampling_rate=self._rate, return_tensors="pt")

    def _answer(self, features: "BatchFeature") -> Floats:
        with (
            torch.inference_mode(),
            torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False),
        ):
            logits: Floats = self._model(**features.to(self._device)).logits.float().cpu().numpy()
        return logits

    def _check(self, front_end: WaveformFrontEnd) -> None:
        expected = self._extractor.sampling_rate
        if expected != front_end.sample_rate:
            raise UsageError(
                f"the model expects {expected} Hz, and the front end gives {front_end.sample_rate} Hz",
                f"set front_end.sample_rate={expected}",
            )
        noise = np.random.default_rng(0).normal(0.0, 0.1, front_end.segment_samples).astype(np.float32)
        try:
            features = self._features([noise])
            answer = self._answer(features)
        except Exception as error:
            message = f"the model cannot take {front_end.segment_s:g} s at once: {_line(error)}"
            raise UsageError(message, "set front_end.segment_s to the length it was trained with") from error
        if answer.shape != (1, self._genres):
            raise UsageError(
                f"the model answers {list(answer.shape)}, and {self._genres} genres need [1, {self._genres}]",
                "give the genres in the order of id2label in its config.json",
            )
        self._check_uses_the_end(noise, features, front_end.segment_s)

    def _check_uses_the_end(self, noise: Samples, features: "BatchFeature", segment_s: float) -> None:
        """Some extractors silently cut off what exceeds their length: seconds of every track would be lost."""
        ends = len(noise) - len(noise) // 10 - 1
        other = np.concatenate([noise[:ends], -noise[ends:][::-1]])
        changed = self._features([other])
        if all(torch.equal(features[name], changed[name]) for name in features):
            raise UsageError(
                f"the model does not use the end of {segment_s:g} s: its feature extractor cuts it off",
                "make front_end.segment_s no longer than the extractor takes, 10 s for most",
            )


def _load(bundle: Bundle) -> tuple[Extractor, nn.Module]:
    try:
        from transformers import AutoFeatureExtractor, AutoModelForAudioClassification
        from transformers.utils import logging
    except ImportError as error:
        raise UsageError(
            "this model bundle holds a model of transformers, which is not installed",
            "pip install transformers",
        ) from error
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    for name in (CONFIG_FILE, EXTRACTOR_FILE):
        _refuse_foreign(bundle.files[name], name)
    with tempfile.TemporaryDirectory() as folder:
        for name in (CONFIG_FILE, EXTRACTOR_FILE, WEIGHTS_FILE):
            (Path(folder) / name).write_bytes(bundle.files[name])
        only_here = {"local_files_only": True, "trust_remote_code": False}
        try:
            extractor: Extractor = AutoFeatureExtractor.from_pretrained(folder, **only_here)  # type: ignore[no-untyped-call]
            model, loading = AutoModelForAudioClassification.from_pretrained(
                folder,
                **only_here,
                use_safetensors=True,
                attn_implementation="eager",
                dtype=torch.float32,
                output_loading_info=True,
            )
        except Exception as error:
            raise UsageError(
                f"the model of transformers cannot be loaded: {_line(error)}", "check that its folder is complete"
            ) from error
    if loading["missing_keys"]:
        raise UsageError(
            f"the weights have no {min(loading['missing_keys'])} and {len(loading['missing_keys']) - 1} more arrays of "
            f"{type(model).__name__}",
            "give a model that was trained to classify audio, not the one that it was fine-tuned from",
        )
    return extractor, model.eval().requires_grad_(False)


def _refuse_foreign(data: bytes, name: str) -> None:
    try:
        settings = json.loads(data)
        foreign = [key for key in _FOREIGN if key in settings]
    except (ValueError, TypeError, RecursionError) as error:
        raise UsageError(f"{name} of the model is not valid JSON", "export the model again") from error
    if foreign:
        raise UsageError(
            f"{name} of the model requires code of its own or another library ({foreign[0]}), which is never loaded",
            "use a model that plain transformers runs, or export it to ONNX",
        )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
