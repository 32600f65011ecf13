"""Which classifier a bundle holds and its settings; read by processes that never load torch or scikit-learn.

Three families: networks, trained here with torch; estimators, fitted here once; and models exported from elsewhere.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

Probability = Annotated[float, Field(ge=0, lt=1)]
FileName = Literal[
    "model.safetensors",
    "model.skops",
    "model.onnx",
    "config.json",
    "preprocessor_config.json",
    "golden.npz",
    "README.md",
]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class MelCnnSettings(_Settings):
    """Seed 001's network; see `networks/mel_cnn.py`."""

    name: Literal["mel_cnn"] = "mel_cnn"
    dense_channels: PositiveInt = 256
    dropout: Probability = 0.3


class ShortCnnSettings(_Settings):
    """A small network for short segments, with `channels` in its first layer, four times as many in its last.

    See `networks/short_cnn.py`.
    """

    name: Literal["short_cnn"] = "short_cnn"
    channels: PositiveInt = 16
    dropout: Probability = 0.3


class MfccCnnSettings(_Settings):
    """Three convolutions of `channels` each on MFCC frames; see `networks/mfcc_cnn.py`."""

    name: Literal["mfcc_cnn"] = "mfcc_cnn"
    channels: PositiveInt = 32
    dense_units: PositiveInt = 64
    dropout: Probability = 0.3


class MfccMlpSettings(_Settings):
    """One dense layer on the first `values` MFCC values, divided by the largest; see `networks/mfcc_mlp.py`."""

    name: Literal["mfcc_mlp"] = "mfcc_mlp"
    values: PositiveInt = 25_000
    hidden_units: PositiveInt = 100


class DescriptorMlpSettings(_Settings):
    """Dense layers with dropout on the descriptors of a segment; see `networks/descriptor_mlp.py`."""

    name: Literal["descriptor_mlp"] = "descriptor_mlp"
    hidden_units: list[PositiveInt] = Field(default=[512, 256, 128, 64], min_length=1)
    dropout: Probability = 0.2


class SpectrogramCnnSettings(_Settings):
    """Convolutions on a spectrogram drawn as a colour image; see `networks/spectrogram_cnn.py`."""

    name: Literal["spectrogram_cnn"] = "spectrogram_cnn"
    channels: PositiveInt = 16
    dense_units: PositiveInt = 64
    dropout: Probability = 0.3


class MobileNetSettings(_Settings):
    """MobileNet on a spectrogram drawn as a colour image; see `networks/mobilenet.py`.

    pretrained: false trains from random weights; else the training starts from `weights`, a name on the Hugging Face
    hub or a local folder. A bundle holds the trained weights, so that scoring needs neither.
    """

    name: Literal["mobilenet"] = "mobilenet"
    pretrained: bool = True
    weights: str = Field(default="google/mobilenet_v2_1.0_224", min_length=1)
    depth_multiplier: PositiveFloat = 1.0
    dropout: Probability = 0.2


class WaveletFusionSettings(_Settings):
    """Two branches, one for the spectrogram and one for the scalogram below it; see `networks/wavelet_fusion.py`."""

    name: Literal["wavelet_fusion"] = "wavelet_fusion"
    channels: PositiveInt = 16
    dense_units: PositiveInt = 64
    dropout: Probability = 0.3


class TextureKernelSettings(_Settings):
    """The default classifier: kernel ridge regression on statistics of a log-mel segment.

    See `networks/texture_kernel.py`. width: of the kernel, larger is narrower. ridge: how much the answers are
    smoothed. support_segments: most training segments that a segment is compared with; scoring costs in proportion.
    """

    name: Literal["texture_kernel"] = "texture_kernel"
    width: PositiveFloat = 0.5
    ridge: PositiveFloat = 0.2
    support_segments: PositiveInt = 4000


class ForestSettings(_Settings):
    """A random forest (scikit-learn) with bootstrap samples."""

    name: Literal["forest"] = "forest"
    trees: PositiveInt = 100
    max_depth: PositiveInt | None = 26


class SvmSettings(_Settings):
    """A support vector machine with a radial kernel (scikit-learn); `gamma: null` is scikit-learn's "scale"."""

    name: Literal["svm"] = "svm"
    c: PositiveFloat = 1.0
    gamma: PositiveFloat | None = None


class NeighboursSettings(_Settings):
    """The k nearest neighbours in Euclidean distance (scikit-learn)."""

    name: Literal["neighbours"] = "neighbours"
    k: PositiveInt = 5


class ClustersSettings(_Settings):
    """k-means without labels, each cluster then named after the genres of its segments: an unsupervised baseline."""

    name: Literal["clusters"] = "clusters"
    clusters: PositiveInt = 10


class GaussianNeighboursSettings(_Settings):
    """The k nearest neighbours under the symmetrised Kullback-Leibler distance of Gaussians fitted to MFCC frames."""

    name: Literal["gaussian_neighbours"] = "gaussian_neighbours"
    k: PositiveInt = 5


class OnnxSettings(_Settings):
    """Any exported ONNX model.

    layout: axes of its input; B segments, C a single channel, H rows and W columns of a segment; in BW, and in W for a
    model that takes one segment alone, all rows stand in one line. output: the name of the output that is read, null
    for the first; it is [B, n_genres], or [B, frames, n_genres] and then averaged. answers: what that output holds.
    """

    name: Literal["onnx"] = "onnx"
    layout: Literal["BCHW", "BHW", "BHWC", "BWH", "BW", "W"] = "BCHW"
    output: str | None = None
    answers: Literal["logits", "probabilities"] = "logits"


class HuggingFaceSettings(_Settings):
    """An audio classification model of transformers with its own feature extractor; the front end is a waveform."""

    name: Literal["hugging_face"] = "hugging_face"


Network = (
    MelCnnSettings
    | ShortCnnSettings
    | MfccCnnSettings
    | MfccMlpSettings
    | DescriptorMlpSettings
    | SpectrogramCnnSettings
    | MobileNetSettings
    | WaveletFusionSettings
)
"""Settings of a network that learns by steps; `networks/build.py` builds it."""

AnyNetwork = Network | TextureKernelSettings
"""Settings of what torch runs: these networks, and the one that is solved for at once."""

Estimator = ForestSettings | SvmSettings | NeighboursSettings | ClustersSettings | GaussianNeighboursSettings
"""Settings of an estimator; `estimators/fit.py` fits it."""

Exported = OnnxSettings | HuggingFaceSettings
"""Settings of a model that was trained elsewhere; `exported/` runs it."""

Trainable = Annotated[AnyNetwork | Estimator, Field(discriminator="name")]
"""What the `train` verb can make."""

Architecture = Annotated[AnyNetwork | Estimator | Exported, Field(discriminator="name")]
"""The settings of any classifier; `name` says of which."""


OF_TRAINING = ("dropout", "pretrained", "weights", "ridge", "support_segments")
"""Settings that decide what is learned and, once that is kept, no answer any more."""


def weight_files(architecture: Architecture) -> tuple[FileName, ...]:
    """The files of a bundle that hold what was learned."""
    match architecture:
        case ForestSettings() | SvmSettings() | NeighboursSettings():
            return ("model.skops",)
        case OnnxSettings():
            return ("model.onnx",)
        case HuggingFaceSettings():
            return "config.json", "preprocessor_config.json", "model.safetensors"
        case _:
            return ("model.safetensors",)
