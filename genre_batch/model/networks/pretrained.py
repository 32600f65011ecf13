"""A MobileNet that starts from pretrained weights: those of a local folder or of the Hugging Face hub."""

import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from genre_batch.errors import UsageError
from genre_batch.model.networks.hub import NotHad, files_from_hub
from genre_batch.model.networks.mobilenet import MobileNet

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


def start_from_pretrained(network: MobileNet, weights: str) -> None:
    """Put the weights of `weights`, a local folder or the name of a model on the hub, into `network`'s backbone.

    The output layer stays as it is. The arrays are read from safetensors, as transformers writes them, and no other
    file but config.json is opened. Raises UsageError where they cannot be had, are damaged or fit another network.
    """
    folder = Path(weights).expanduser()
    try:
        if not folder.is_dir():
            folder = files_from_hub(weights, (_CONFIG, _WEIGHTS))
        _check_settings(folder / _CONFIG, network.backbone)
        _load(network.backbone, folder / _WEIGHTS)
    except NotHad as error:
        raise UsageError(f"the pretrained weights {weights} cannot be had: {error}", _HINT) from error


def _check_settings(path: Path, backbone: nn.Module) -> None:
    try:
        theirs = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise NotHad(f"its {path.name} is missing or damaged") from error
    for name in _MUST_AGREE:
        ours = getattr(backbone.config, name)
        if not isinstance(theirs, dict) or theirs.get(name, ours) != ours:
            raise NotHad(f"{name} is not {ours} in its {path.name}")


def _load(backbone: nn.Module, path: Path) -> None:
    try:
        arrays = {name.removeprefix("mobilenet_v2."): array for name, array in load_file(path).items()}
        backbone.load_state_dict({name: arrays[name] for name in backbone.state_dict() if name in arrays})
    except (OSError, SafetensorError) as error:
        raise NotHad(f"its {path.name} is missing or damaged") from error
    except RuntimeError as error:
        raise NotHad(f"the arrays of its {path.name} are not those of this network") from error
