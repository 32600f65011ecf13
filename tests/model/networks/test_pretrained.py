"""Weights from a folder that transformers wrote, and folders that hold none that fit."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from genre_batch.errors import UsageError
from genre_batch.model.architecture import MobileNetSettings
from genre_batch.model.networks.mobilenet import MobileNet
from genre_batch.model.networks.pretrained import start_from_pretrained

SMALL = MobileNetSettings(depth_multiplier=0.1)


def write(folder: Path, depth_multiplier: float = 0.1) -> None:
    """A classifier of 7 classes of other things, whose batch norms have seen something."""
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    torch.manual_seed(1)
    config = MobileNetV2Config(depth_multiplier=depth_multiplier, num_labels=7)
    model = MobileNetV2ForImageClassification(config)
    model(torch.rand(4, 3, 32, 32))
    model.save_pretrained(folder)


def network() -> MobileNet:
    torch.manual_seed(0)
    return MobileNet(SMALL, 32, 32, 3).eval()


def test_the_backbone_is_theirs_and_the_output_ours(tmp_path: Path) -> None:
    from transformers import MobileNetV2Model

    write(tmp_path)
    started, random = network(), network()
    start_from_pretrained(started, str(tmp_path))
    theirs = MobileNetV2Model.from_pretrained(tmp_path, use_safetensors=True).eval()
    pictures = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        # the same weights at another alignment in memory are multiplied in another order
        torch.testing.assert_close(started.backbone(pictures).pooler_output, theirs(pictures).pooler_output)
    assert torch.equal(started.output.weight, random.output.weight)
    assert not torch.equal(started.backbone(pictures).pooler_output, random.backbone(pictures).pooler_output)


def test_a_folder_without_the_classifier_will_do(tmp_path: Path) -> None:
    from transformers import MobileNetV2Config, MobileNetV2Model

    theirs = MobileNetV2Model(MobileNetV2Config(depth_multiplier=0.1))
    theirs.save_pretrained(tmp_path)
    started = network()
    start_from_pretrained(started, str(tmp_path))
    arrays = started.backbone.state_dict()
    assert arrays
    assert all(torch.equal(array, arrays[name]) for name, array in theirs.state_dict().items())


def test_weights_of_another_width_are_refused(tmp_path: Path) -> None:
    write(tmp_path, depth_multiplier=0.5)
    with pytest.raises(UsageError, match=r"depth_multiplier is not 0\.1 in its config\.json"):
        start_from_pretrained(network(), str(tmp_path))


@pytest.mark.parametrize("change", [{"model_type": "resnet"}, {"tf_padding": False}, {"hidden_act": "gelu"}])
def test_weights_that_mean_something_else_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    write(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UsageError, match=f"{next(iter(change))} is not"):
        start_from_pretrained(network(), str(tmp_path))


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{", b"\xff"])
def test_a_damaged_config_is_refused(tmp_path: Path, content: bytes | None) -> None:
    write(tmp_path)
    path = tmp_path / "config.json"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(UsageError, match=r"config\.json"):
        start_from_pretrained(network(), str(tmp_path))


@pytest.mark.parametrize("kept", [None, 0, 5000])
def test_damaged_weights_are_refused(tmp_path: Path, kept: int | None) -> None:
    write(tmp_path)
    path = tmp_path / "model.safetensors"
    content = path.read_bytes()
    path.unlink() if kept is None else path.write_bytes(content[:kept])
    with pytest.raises(UsageError, match=r"its model\.safetensors is missing or damaged") as caught:
        start_from_pretrained(network(), str(tmp_path))
    assert "architecture.pretrained to false" in caught.value.hint


def test_weights_with_a_gap_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    arrays = load_file(tmp_path / "model.safetensors")
    del arrays["mobilenet_v2.conv_1x1.convolution.weight"]
    save_file(arrays, tmp_path / "model.safetensors")
    with pytest.raises(UsageError, match="are not those of this network"):
        start_from_pretrained(network(), str(tmp_path))


def test_pickled_weights_are_not_opened(tmp_path: Path) -> None:
    write(tmp_path)
    torch.save(load_file(tmp_path / "model.safetensors"), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UsageError, match=r"its model\.safetensors is missing"):
        start_from_pretrained(network(), str(tmp_path))
