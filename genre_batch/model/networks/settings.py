"""The settings of every network. Its code is in a file of its own, so that settings can be read without torch."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from genre_batch.features.front_end import AnyFrontEnd
from genre_batch.features.front_ends.image import ImageFrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.classifier import ClassifierSettings
from genre_batch.model.devices import Precision
from genre_batch.model.networks.head_settings import TAGS, AnyHead, LogisticHead

Probability = Annotated[float, Field(ge=0, lt=1)]


class NetworkSettings(ClassifierSettings):
    """A network that torch runs.

    code: its module in this package and its class, called with the settings, rows, columns and number of genres.
    last_layer: the module whose input is its last layer before the genres; `.-1` is the last one of a sequence.
    most_together: segments that it computes at once on a CPU; smaller batches waste less on a last one that is not
    full. channels_last: the order of its values in memory on a CPU; wide filters on one channel are faster without.
    """

    precisions: ClassVar[tuple[Precision, ...]] = ("fp32", "bf16", "fp16")
    code: ClassVar[str]
    last_layer: ClassVar[str] = "output"
    most_together: ClassVar[int] = 64
    channels_last: ClassVar[bool] = True


class TrainedNetworkSettings(NetworkSettings):
    """A network that is trained in epochs, by gradient descent."""

    training_only: ClassVar[tuple[str, ...]] = ("dropout",)


class MelCnnSettings(TrainedNetworkSettings):
    """The CNN of Giamatti and Smith on a log-mel spectrogram."""

    code: ClassVar[str] = "mel_cnn:MelCnn"

    name: Literal["mel_cnn"] = "mel_cnn"
    dense_channels: PositiveInt = 256
    dropout: Probability = 0.3


class ShortCnnSettings(TrainedNetworkSettings):
    """A small CNN for short segments, with `channels` in its first layer and four times as many in its last."""

    code: ClassVar[str] = "short_cnn:ShortCnn"

    name: Literal["short_cnn"] = "short_cnn"
    channels: PositiveInt = 16
    dropout: Probability = 0.3


class MfccCnnSettings(TrainedNetworkSettings):
    """Three convolutions of `channels` each on MFCC frames."""

    code: ClassVar[str] = "mfcc_cnn:MfccCnn"

    name: Literal["mfcc_cnn"] = "mfcc_cnn"
    channels: PositiveInt = 32
    dense_units: PositiveInt = 64
    dropout: Probability = 0.3


class MfccMlpSettings(TrainedNetworkSettings):
    """One dense layer on the first `values` MFCC values, divided by the largest."""

    code: ClassVar[str] = "dense:MfccMlp"
    front_end_needed: ClassVar[str | None] = "mfcc"

    name: Literal["mfcc_mlp"] = "mfcc_mlp"
    values: PositiveInt = 25_000
    hidden_units: PositiveInt = 100


class DescriptorMlpSettings(TrainedNetworkSettings):
    """Dense layers with dropout on the descriptors of a segment."""

    code: ClassVar[str] = "dense:DescriptorMlp"
    last_layer: ClassVar[str] = "layers.-1"

    name: Literal["descriptor_mlp"] = "descriptor_mlp"
    hidden_units: list[PositiveInt] = Field(default=[512, 256, 128, 64], min_length=1)
    dropout: Probability = 0.2


class OneImageSettings(TrainedNetworkSettings):
    """A network on one drawn image per segment."""

    front_end_needed: ClassVar[str | None] = "image with a single image"

    def accepts(self, front_end: AnyFrontEnd) -> bool:
        """As in `ClassifierSettings`."""
        return isinstance(front_end, ImageFrontEnd) and len(front_end.images) == 1


class SpectrogramCnnSettings(OneImageSettings):
    """Convolutions on a spectrogram drawn as a colour image."""

    code: ClassVar[str] = "image_cnns:SpectrogramCnn"

    name: Literal["spectrogram_cnn"] = "spectrogram_cnn"
    channels: PositiveInt = 16
    dense_units: PositiveInt = 64
    dropout: Probability = 0.3


class WaveletFusionSettings(TrainedNetworkSettings):
    """Two branches, one for the spectrogram and one for the scalogram below it."""

    code: ClassVar[str] = "image_cnns:WaveletFusion"
    front_end_needed: ClassVar[str | None] = "image with spectrogram and scalogram"

    name: Literal["wavelet_fusion"] = "wavelet_fusion"
    channels: PositiveInt = 16
    dense_units: PositiveInt = 64
    dropout: Probability = 0.3

    def accepts(self, front_end: AnyFrontEnd) -> bool:
        """As in `ClassifierSettings`."""
        return isinstance(front_end, ImageFrontEnd) and front_end.images == ["spectrogram", "scalogram"]


class MobileNetSettings(OneImageSettings):
    """MobileNet on a spectrogram drawn as a colour image.

    pretrained: false trains from random weights; otherwise training starts from `weights`, a name on the Hugging Face
    hub or a local folder. A bundle holds the trained weights, so scoring needs neither.
    """

    code: ClassVar[str] = "mobilenet:MobileNet"
    training_only: ClassVar[tuple[str, ...]] = ("dropout", "pretrained", "weights")

    name: Literal["mobilenet"] = "mobilenet"
    pretrained: bool = True
    weights: str = Field(default="google/mobilenet_v2_1.0_224", min_length=1)
    depth_multiplier: PositiveFloat = 1.0
    dropout: Probability = 0.2


class TextureKernelSettings(NetworkSettings):
    """The classifier of `cheap`: kernel ridge regression on statistics of a log-mel segment.

    It adds in double precision on every device, so bf16 and fp16 are refused: they would change nothing.
    width: of the kernel; a larger value is narrower. ridge: how much the answers are smoothed. support_segments: the
    largest number of training segments that a segment is compared with; scoring costs in proportion.
    """

    precisions: ClassVar[tuple[Precision, ...]] = ("fp32",)
    code: ClassVar[str] = "texture_kernel:TextureKernel"
    last_layer: ClassVar[str] = "last"
    front_end_needed: ClassVar[str | None] = "log_mel"
    training_only: ClassVar[tuple[str, ...]] = ("ridge", "support_segments")

    name: Literal["texture_kernel"] = "texture_kernel"
    width: PositiveFloat = 0.5
    ridge: PositiveFloat = 0.2
    support_segments: PositiveInt = 4000


@dataclass(frozen=True, slots=True)
class TrunkInput:
    """The log-mel spectrogram that a trunk was trained on."""

    sample_rate: int
    n_fft: int
    hop_length: int
    n_mels: int

    def __str__(self) -> str:
        return (
            f"log_mel with sample_rate {self.sample_rate}, n_fft {self.n_fft}, hop_length {self.hop_length} "
            f"and n_mels {self.n_mels}"
        )


TRUNKS = {"musicnn": TrunkInput(sample_rate=16_000, n_fft=512, hop_length=256, n_mels=96)}


class TrunkSettings(NetworkSettings):
    """A frozen trunk that was trained elsewhere, and a head that is fitted to the labels in one step."""

    code: ClassVar[str] = "trunk:Trunk"
    last_layer: ClassVar[str] = "head"
    most_together: ClassVar[int] = 4
    channels_last: ClassVar[bool] = False
    tags: ClassVar[tuple[str, ...]] = TAGS
    front_end_needed: ClassVar[str | None] = str(TRUNKS["musicnn"])

    name: Literal["trunk"] = "trunk"
    trunk: Literal["musicnn"] = "musicnn"
    head: AnyHead = LogisticHead()

    @property
    def input(self) -> TrunkInput:
        """What the trunk takes."""
        return TRUNKS[self.trunk]

    def accepts(self, front_end: AnyFrontEnd) -> bool:
        """As in `ClassifierSettings`."""
        if not isinstance(front_end, LogMelFrontEnd):
            return False
        given = TrunkInput(front_end.sample_rate, front_end.n_fft, front_end.hop_length, front_end.n_mels)
        return given == self.input


TrainedNetwork = (
    MelCnnSettings
    | ShortCnnSettings
    | MfccCnnSettings
    | MfccMlpSettings
    | DescriptorMlpSettings
    | SpectrogramCnnSettings
    | MobileNetSettings
    | WaveletFusionSettings
)
AnyNetwork = TrainedNetwork | TextureKernelSettings | TrunkSettings
