"""MobileNet on a spectrogram drawn as a colour image, and the pretrained weights that its training starts from."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from genre_batch.errors import UsageError
from genre_batch.model.networks.image_cnns import ColourMap
from genre_batch.model.networks.settings import MobileNetSettings

_SMALLEST = 32
_INITIAL_DEVIATION = 0.09
_HUB_TIMEOUT_S = 3.0
_CONFIG, _WEIGHTS = "config.json", "model.safetensors"
_HINT = (
    f"set architecture.weights to a local folder with {_CONFIG} and {_WEIGHTS} of a MobileNetV2, "
    "or architecture.pretrained to false to train from random weights"
)
_MUST_AGREE = (
    "model_type",
    "depth_multiplier",
    "depth_divisible_by",
    "min_depth",
    "expand_ratio",
    "output_stride",
    "first_layer_is_expansion",
    "finegrained_output",
    "hidden_act",
    "tf_padding",
    "layer_norm_eps",
)


class WeightsUnavailable(Exception):
    """Pretrained weights cannot be used; `str(error)` is a clause that says why."""


class MobileNet(nn.Module):
    """MobileNetV2 (Sandler et al. 2018, as in transformers), dropout and one output per genre.

    After the second network of "Music Genres Classification using Deep learning techniques" (Rai), which says "the
    pre-trained mobilenet model" and shows what surrounds it only in a figure. Chosen here: version 2, whose weights
    transformers can load; all its layers are trained; its answer is the mean over the image; there is no dense layer
    between it and the output. It is built with random weights: `load_pretrained` loads those that training starts from,
    a bundle holds the trained ones. Raises UsageError without transformers.
    """

    def __init__(self, settings: MobileNetSettings, rows: int, columns: int, n_genres: int) -> None:
        super().__init__()
        self._settings = settings
        if rows != columns or rows < _SMALLEST:
            raise ValueError(
                f"mobilenet needs a square image of at least {_SMALLEST} x {_SMALLEST}, not {rows} x {columns}"
            )
        self.colour_map = ColourMap()
        self.backbone = _backbone(settings, rows)
        features: int = self.backbone.conv_1x1.convolution.out_channels  # type: ignore[union-attr,assignment]
        self.dropout = nn.Dropout(settings.dropout)
        self.output = nn.Linear(features, n_genres)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, size, size] of values 0 to 1 to logits [B, n_genres]."""
        # The pretrained weights expect values of -1 to 1: their preprocessor has mean and standard deviation 0.5.
        features = self.backbone(2.0 * self.colour_map(segments) - 1.0).pooler_output
        logits: torch.Tensor = self.output(self.dropout(features))
        return logits

    def load_pretrained(self) -> None:
        """Load the weights that the settings name into the backbone, if they ask for any; the output layer stays.

        They come from a local folder or the Hugging Face hub. Only config.json and the safetensors file that
        transformers writes are opened. Raises UsageError if they are missing, damaged or of another network.
        """
        if not self._settings.pretrained:
            return
        weights = self._settings.weights
        folder = Path(weights).expanduser()
        try:
            if not folder.is_dir():
                folder = files_from_hub(weights, (_CONFIG, _WEIGHTS))
            _check_config(folder / _CONFIG, self.backbone)
            _load(self.backbone, folder / _WEIGHTS)
        except WeightsUnavailable as error:
            raise UsageError(f"the pretrained weights {weights} cannot be loaded: {error}", _HINT) from error


def _check_config(path: Path, backbone: nn.Module) -> None:
    try:
        theirs = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise WeightsUnavailable(f"its {path.name} is missing or damaged") from error
    for name in _MUST_AGREE:
        ours = getattr(backbone.config, name)
        if not isinstance(theirs, dict) or theirs.get(name, ours) != ours:
            raise WeightsUnavailable(f"{name} is not {ours} in its {path.name}")


def _load(backbone: nn.Module, path: Path) -> None:
    try:
        arrays = {name.removeprefix("mobilenet_v2."): array for name, array in load_file(path).items()}
        backbone.load_state_dict({name: arrays[name] for name in backbone.state_dict() if name in arrays})
    except (OSError, SafetensorError) as error:
        raise WeightsUnavailable(f"its {path.name} is missing or damaged") from error
    except RuntimeError as error:
        raise WeightsUnavailable(f"the arrays of its {path.name} are not those of this network") from error


def files_from_hub(name: str, files: Sequence[str]) -> Path:
    """The folder with `files` of the hub's model `name`: from the hub's cache on this machine, or downloaded.

    A hub that does not answer is abandoned after 3 s per address. (huggingface_hub's own functions would try for half a
    minute, or forever if connections hang, so the model's description is requested first.)
    Raises WeightsUnavailable.
    """
    from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # httpx's or httpx2's, as the hub's

    try:
        paths = [try_to_load_from_cache(name, file) for file in files]
        if not all(isinstance(path, str) for path in paths):
            HfApi().model_info(name, timeout=_HUB_TIMEOUT_S)
            paths = [hf_hub_download(name, file) for file in files]
    except (HTTPError, OSError, ValueError) as error:
        raise WeightsUnavailable(_reason(error)) from error
    return Path(str(paths[0])).parent


def _reason(error: Exception) -> str:
    from huggingface_hub.errors import HFValidationError, RemoteEntryNotFoundError, RepositoryNotFoundError

    match error:
        case HFValidationError():
            return "there is no such folder"
        case RepositoryNotFoundError():
            return "there is no such folder, and no such model on the Hugging Face hub that can be read without a login"
        case RemoteEntryNotFoundError():
            return "that model on the Hugging Face hub has no such files"
        case _:
            return "there is no such folder, nothing in the hub's cache, and the Hugging Face hub cannot be reached"


def _backbone(settings: MobileNetSettings, size: int) -> nn.Module:
    try:
        from transformers import MobileNetV2Config, MobileNetV2Model
    except ImportError as error:
        raise UsageError(
            "the architecture mobilenet needs the library transformers", "pip install transformers"
        ) from error

    # transformers' range, 0.02, vanishes in batch norm's epsilon after many layers; 0.09 is that of the authors' code.
    config = MobileNetV2Config(
        depth_multiplier=settings.depth_multiplier, image_size=size, initializer_range=_INITIAL_DEVIATION
    )
    backbone = MobileNetV2Model(config)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            # transformers keeps TensorFlow's 0.997, which torch takes for the weight of the newest batch: scoring would
            # use the statistics of the last batch alone. This is torch's own default.
            module.momentum = 0.1
    return backbone
