"""MobileNet is that of transformers, and starts from pretrained weights of a folder or of a hub on this machine."""

import json
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from genre_batch.errors import UsageError
from genre_batch.model.networks.image_cnns import ColourMap
from genre_batch.model.networks.mobilenet import MobileNet, WeightsUnavailable, files_from_hub
from genre_batch.model.networks.settings import MobileNetSettings

SMALL = MobileNetSettings(depth_multiplier=0.1)


def test_the_backbone_sees_colours_from_minus_one_to_one() -> None:
    network = MobileNet(SMALL, 32, 32, 2).eval()
    seen: list[torch.Tensor] = []
    network.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = torch.rand(2, 1, 32, 32)
    network(images)
    torch.testing.assert_close(seen[0] / 2 + 0.5, ColourMap()(images))
    assert seen[0].min() < -0.9


def test_answers_are_those_of_transformers_classifier() -> None:
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    network = MobileNet(SMALL, 32, 32, 5).eval()
    theirs = MobileNetV2ForImageClassification(MobileNetV2Config(depth_multiplier=0.1, num_labels=5)).eval()
    theirs.mobilenet_v2.load_state_dict(network.backbone.state_dict())
    theirs.classifier.load_state_dict(network.output.state_dict())
    images = torch.rand(2, 1, 32, 32)
    with torch.inference_mode():
        expected = theirs(2 * ColourMap()(images) - 1).logits
        torch.testing.assert_close(network(images), expected)


def test_batch_norm_remembers_more_than_the_last_batch() -> None:
    """transformers' own momentum, 0.997, forgets all batches but the last."""
    network = MobileNet(SMALL, 32, 32, 2)
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 52
    for norm in norms:
        before = norm.get_buffer("running_mean").clone()
        seen: list[torch.Tensor] = []
        hook = norm.register_forward_pre_hook(lambda _, inputs, seen=seen: seen.append(inputs[0].mean(dim=(0, 2, 3))))
        network(torch.rand(4, 1, 32, 32))
        hook.remove()
        torch.testing.assert_close(norm.get_buffer("running_mean"), 0.9 * before + 0.1 * seen[0])


@pytest.mark.parametrize(("rows", "columns"), [(31, 31), (64, 32)])
def test_other_segments_are_refused(rows: int, columns: int) -> None:
    with pytest.raises(ValueError, match=f"square image of at least 32 x 32, not {rows} x {columns}"):
        MobileNet(SMALL, rows, columns, 2)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match="needs the library transformers") as caught:
        MobileNet(SMALL, 32, 32, 2)
    assert caught.value.hint == "pip install transformers"


def write(folder: Path, depth_multiplier: float = 0.1) -> None:
    """A classifier of 7 classes of other things, whose batch norms have seen something."""
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    torch.manual_seed(1)
    config = MobileNetV2Config(depth_multiplier=depth_multiplier, num_labels=7)
    model = MobileNetV2ForImageClassification(config)
    model(torch.rand(4, 3, 32, 32))
    model.save_pretrained(folder)


def network(weights: Path) -> MobileNet:
    torch.manual_seed(0)
    return MobileNet(SMALL.model_copy(update={"weights": str(weights)}), 32, 32, 3).eval()


def test_the_backbone_is_theirs_and_the_output_ours(tmp_path: Path) -> None:
    from transformers import MobileNetV2Model

    write(tmp_path)
    started, random = network(tmp_path), network(tmp_path)
    started.load_pretrained()
    theirs = MobileNetV2Model.from_pretrained(tmp_path, use_safetensors=True).eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        # the order of additions depends on the alignment of the weights in memory
        torch.testing.assert_close(started.backbone(images).pooler_output, theirs(images).pooler_output)
    assert torch.equal(started.output.weight, random.output.weight)
    assert not torch.equal(started.backbone(images).pooler_output, random.backbone(images).pooler_output)


def test_a_folder_without_the_classifier_will_do(tmp_path: Path) -> None:
    from transformers import MobileNetV2Config, MobileNetV2Model

    theirs = MobileNetV2Model(MobileNetV2Config(depth_multiplier=0.1))
    theirs.save_pretrained(tmp_path)
    started = network(tmp_path)
    started.load_pretrained()
    arrays = started.backbone.state_dict()
    assert arrays
    assert all(torch.equal(array, arrays[name]) for name, array in theirs.state_dict().items())


def test_weights_of_another_width_are_refused(tmp_path: Path) -> None:
    write(tmp_path, depth_multiplier=0.5)
    with pytest.raises(UsageError, match=r"depth_multiplier is not 0\.1 in its config\.json"):
        network(tmp_path).load_pretrained()


@pytest.mark.parametrize("change", [{"model_type": "resnet"}, {"tf_padding": False}, {"hidden_act": "gelu"}])
def test_weights_that_mean_something_else_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    write(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UsageError, match=f"{next(iter(change))} is not"):
        network(tmp_path).load_pretrained()


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{", b"\xff"])
def test_a_damaged_config_is_refused(tmp_path: Path, content: bytes | None) -> None:
    write(tmp_path)
    path = tmp_path / "config.json"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(UsageError, match=r"config\.json"):
        network(tmp_path).load_pretrained()


@pytest.mark.parametrize("kept", [None, 0, 5000])
def test_damaged_weights_are_refused(tmp_path: Path, kept: int | None) -> None:
    write(tmp_path)
    path = tmp_path / "model.safetensors"
    content = path.read_bytes()
    path.unlink() if kept is None else path.write_bytes(content[:kept])
    with pytest.raises(UsageError, match=r"its model\.safetensors is missing or damaged") as caught:
        network(tmp_path).load_pretrained()
    assert "architecture.pretrained to false" in caught.value.hint


def test_weights_with_a_gap_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    arrays = load_file(tmp_path / "model.safetensors")
    del arrays["mobilenet_v2.conv_1x1.convolution.weight"]
    save_file(arrays, tmp_path / "model.safetensors")
    with pytest.raises(UsageError, match="are not those of this network"):
        network(tmp_path).load_pretrained()


def test_pickled_weights_are_not_opened(tmp_path: Path) -> None:
    write(tmp_path)
    torch.save(load_file(tmp_path / "model.safetensors"), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UsageError, match=r"its model\.safetensors is missing"):
        network(tmp_path).load_pretrained()


NAME, FILES, SHA = "someone/weights", {"config.json": b"{}", "model.safetensors": b"\0" * 8}, "0123456789" * 4


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's protocol as two small files need."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        file = self.path.rpartition("/")[2]
        if self.path.startswith(f"/api/models/{NAME}"):
            self.answer(json.dumps({"id": NAME, "sha": SHA, "siblings": []}).encode())
        elif self.path.startswith(f"/{NAME}/resolve/main/") and file in FILES:
            self.answer(FILES[file], ETag=f'"{len(file)}"')
        else:
            code = "EntryNotFound" if NAME in self.path else "RepoNotFound"
            self.answer(b"", 404, **{"X-Error-Code": code})

    def do_HEAD(self) -> None:
        self.do_GET()

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"X-Repo-Commit": SHA, "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return tmp_path


def ask(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        Hub.asked.clear()
        ask(monkeypatch, f"http://127.0.0.1:{server.server_address[1]}")
        yield server
        server.shutdown()


def test_files_are_downloaded_once(hub: ThreadingHTTPServer, cache: Path) -> None:
    folder = files_from_hub(NAME, list(FILES))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert cache in folder.parents
    requests = len(Hub.asked)
    assert requests > 0
    assert files_from_hub(NAME, list(FILES)) == folder
    assert len(Hub.asked) == requests


def test_a_model_the_hub_does_not_have(hub: ThreadingHTTPServer) -> None:
    with pytest.raises(WeightsUnavailable, match="no such model on the Hugging Face hub"):
        files_from_hub("someone/else", list(FILES))


def test_a_model_without_the_file(hub: ThreadingHTTPServer) -> None:
    with pytest.raises(WeightsUnavailable, match="has no such files"):
        files_from_hub(NAME, ["config.json", "model.onnx"])


def test_a_hub_that_refuses_is_given_up_at_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        ask(monkeypatch, f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(WeightsUnavailable, match="the Hugging Face hub cannot be reached"):
            files_from_hub(NAME, list(FILES))


def test_a_hub_that_hangs_is_given_up_in_time(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genre_batch.model.networks.mobilenet._HUB_TIMEOUT_S", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        ask(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(WeightsUnavailable, match="the Hugging Face hub cannot be reached"):
            files_from_hub(NAME, list(FILES))


def test_offline_mode_is_respected(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsUnavailable, match="the Hugging Face hub cannot be reached"):
        files_from_hub(NAME, list(FILES))


@pytest.mark.parametrize("name", ["/no/such/folder", "a folder", "../weights"])
def test_names_that_can_only_be_folders(cache: Path, name: str) -> None:
    with pytest.raises(WeightsUnavailable, match=r"^there is no such folder$"):
        files_from_hub(name, list(FILES))
