"""Every classifier, by name; read by processes that never load torch or scikit-learn.

Three families: networks, trained here with torch; estimators, fitted here in one step; models exported from elsewhere.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from genre_batch.model.classifier import ClassifierSettings, FileName
from genre_batch.model.estimators.clusters import ClustersSettings
from genre_batch.model.estimators.forest import ForestSettings
from genre_batch.model.estimators.gaussian_neighbours import GaussianNeighboursSettings
from genre_batch.model.estimators.neighbours import NeighboursSettings
from genre_batch.model.estimators.svm import SvmSettings
from genre_batch.model.networks.settings import AnyNetwork


class OnnxSettings(ClassifierSettings):
    """Any exported ONNX model.

    layout: axes of its input; B segments, C a single channel, H rows and W columns of a segment. In BW, and in W for a
    model that takes one segment at a time, all rows are concatenated. output: the name of the output that is read, null
    for the first; it is [B, n_genres], or [B, frames, n_genres] and then averaged. answers: what that output holds.
    """

    weight_files: ClassVar[tuple[FileName, ...]] = ("model.onnx",)

    name: Literal["onnx"] = "onnx"
    layout: Literal["BCHW", "BHW", "BHWC", "BWH", "BW", "W"] = "BCHW"
    output: str | None = None
    answers: Literal["logits", "probabilities"] = "logits"


class HuggingFaceSettings(ClassifierSettings):
    """An audio classification model of transformers with its own feature extractor; the front end is a waveform."""

    weight_files: ClassVar[tuple[FileName, ...]] = ("config.json", "preprocessor_config.json", "model.safetensors")

    name: Literal["hugging_face"] = "hugging_face"


_AnyEstimator = ForestSettings | SvmSettings | NeighboursSettings | ClustersSettings | GaussianNeighboursSettings

Trainable = Annotated[AnyNetwork | _AnyEstimator, Field(discriminator="name")]
"""What the `train` verb can make."""

Architecture = Annotated[AnyNetwork | _AnyEstimator | OnnxSettings | HuggingFaceSettings, Field(discriminator="name")]
"""The settings of any classifier; `name` says which."""
