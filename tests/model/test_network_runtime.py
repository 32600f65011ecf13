"""A network in the form that scoring runs gives the answers of the network that was trained."""

import copy

import numpy as np
import pytest
import torch
from small_bundle import MANIFEST, weights_of, write_small_bundle
from torch import nn

from genre_batch.errors import UsageError
from genre_batch.features.front_ends.image import ImageFrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.front_ends.mfcc import MfccFrontEnd
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle, load_bundle
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.network_runtime import DeterministicLinear, WithLastLayer, fuse_batch_norm, make_deterministic
from genre_batch.model.networks.build import build_network
from genre_batch.model.networks.head_settings import MlpHead
from genre_batch.model.networks.settings import (
    DescriptorMlpSettings,
    MelCnnSettings,
    MfccCnnSettings,
    MfccMlpSettings,
    MobileNetSettings,
    NetworkSettings,
    ShortCnnSettings,
    SpectrogramCnnSettings,
    TextureKernelSettings,
    TrainedNetworkSettings,
    TrunkSettings,
    WaveletFusionSettings,
)
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.predictor import Predictor
from genre_batch.model.scores import softmax
from genre_batch.stages.predict import PredictGenres, PredictPool

WITH_NEIGHBOURS: list[tuple[TrainedNetworkSettings, int, int]] = [
    (ShortCnnSettings(channels=4), 16, 64),
    (SpectrogramCnnSettings(channels=4), 32, 32),
    (WaveletFusionSettings(channels=4), 64, 32),
]
OTHERS: list[tuple[TrainedNetworkSettings, int, int]] = [
    (MelCnnSettings(dense_channels=4), 16, 64),
    (MfccCnnSettings(channels=4), 13, 32),
    (MobileNetSettings(depth_multiplier=0.1), 32, 32),
]


def trained_a_little(architecture: TrainedNetworkSettings, rows: int, columns: int) -> nn.Module:
    """A network whose running means and variances are not those it began with."""
    torch.manual_seed(0)
    network = build_network(architecture, rows, columns, 3)
    for _ in range(3):
        network(2.0 + 3.0 * torch.randn(8, 1, rows, columns))
    return network.eval()


@pytest.mark.parametrize(("architecture", "rows", "columns"), WITH_NEIGHBOURS + OTHERS)
def test_fusing_keeps_the_answers(architecture: TrainedNetworkSettings, rows: int, columns: int) -> None:
    network = trained_a_little(architecture, rows, columns)
    segments = torch.randn(5, 1, rows, columns)
    with torch.inference_mode():
        expected = network(segments)
        fused = fuse_batch_norm(copy.deepcopy(network))(segments)
    torch.testing.assert_close(fused, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("architecture", "rows", "columns"), WITH_NEIGHBOURS)
def test_no_batch_norm_is_left(architecture: TrainedNetworkSettings, rows: int, columns: int) -> None:
    network = trained_a_little(architecture, rows, columns)
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    fused = fuse_batch_norm(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())


def test_relu_overwrites_the_layer_before_it_but_never_the_input() -> None:
    network = nn.Sequential(nn.ReLU(), nn.Conv2d(1, 2, 3), nn.ReLU()).eval()
    first, _, last = fuse_batch_norm(network)
    assert (first.inplace, last.inplace) == (False, True)


ALL_KINDS: list[tuple[NetworkSettings, int, int]] = [
    *WITH_NEIGHBOURS,
    *OTHERS,
    (MfccMlpSettings(values=300, hidden_units=5), 10, 40),
    (DescriptorMlpSettings(hidden_units=[6, 5]), 12, 1),
    (TextureKernelSettings(), 64, 128),
    (TrunkSettings(), 96, 187),
    (TrunkSettings(head=MlpHead(hidden_units=4)), 96, 187),
]


@pytest.mark.parametrize(("architecture", "rows", "columns"), ALL_KINDS)
def test_every_network_gives_its_last_layer(architecture: NetworkSettings, rows: int, columns: int) -> None:
    torch.manual_seed(0)
    network = make_deterministic(fuse_batch_norm(build_network(architecture, rows, columns, 3).eval()))
    segments = torch.rand(2, 1, rows, columns)
    with torch.inference_mode():
        plain = network(segments)
        logits, layer = WithLastLayer(network, architecture.last_layer)(segments)
    torch.testing.assert_close(logits, plain, rtol=0, atol=0)
    assert layer.shape[0] == 2
    assert layer.shape[1] > 3
    assert torch.isfinite(layer).all()
    assert not torch.equal(layer[0], layer[1])


@pytest.mark.parametrize("bias", [True, False])
def test_answers_are_those_of_the_layer(bias: bool) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(64, 10, bias=bias)
    inputs = torch.randn(7, 64)
    steady = DeterministicLinear(linear)(inputs)
    assert steady.dtype == torch.float32
    torch.testing.assert_close(steady, linear(inputs).detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("inputs", "outputs"), [(64, 3), (64, 10), (640, 100)])
def test_an_answer_has_the_same_bits_at_any_place_in_a_batch(inputs: int, outputs: int) -> None:
    torch.manual_seed(0)
    layer, batch = DeterministicLinear(nn.Linear(inputs, outputs)), torch.randn(16, inputs)
    answers = layer(batch)
    for shift in range(1, 16):
        assert torch.equal(layer(torch.roll(batch, shift, 0)), torch.roll(answers, shift, 0))


def test_dense_layers_are_found_wherever_they_are() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2)))
    inputs = torch.ones(1, 4)
    expected = network(inputs).detach()
    steady = make_deterministic(network.eval())
    assert not any(isinstance(module, nn.Linear) for module in steady.modules())
    torch.testing.assert_close(steady(inputs), expected)


MANIFESTS = {
    "mel_cnn": MANIFEST,
    "short_cnn": MANIFEST.model_copy(
        update={
            "architecture": ShortCnnSettings(channels=8),
            "front_end": LogMelFrontEnd(segment_frames=128, segment_hop_frames=64),
        }
    ),
    "mfcc_cnn": MANIFEST.model_copy(
        update={
            "architecture": MfccCnnSettings(channels=8),
            "front_end": MfccFrontEnd(n_mfcc=13, segment_frames=130, segment_hop_frames=129),
        }
    ),
    "spectrogram_cnn": MANIFEST.model_copy(
        update={"architecture": SpectrogramCnnSettings(channels=4), "front_end": ImageFrontEnd(size=64)}
    ),
}


def segments_for(manifest: BundleManifest, count: int) -> np.ndarray:
    return np.random.default_rng(3).random((count, *manifest.front_end.segment_shape)).astype(np.float16)


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS.keys())
def test_logits_are_torchs_and_have_the_same_bits_in_any_batch(manifest: BundleManifest) -> None:
    bundle = Bundle("here", manifest, {WEIGHTS_FILE: weights_of(manifest)})
    segments = segments_for(manifest, 9)
    predictor = Predictor(bundle, device="cpu", runtime="onnx", batch_segments=4)
    together, torchs = predictor.logits(segments), Predictor(bundle, device="cpu").logits(segments)
    np.testing.assert_allclose(together, torchs, atol=1e-4, rtol=0)
    np.testing.assert_allclose(softmax(together), softmax(torchs), atol=1e-4, rtol=0)
    np.testing.assert_array_equal(together.argmax(axis=1), torchs.argmax(axis=1))
    np.testing.assert_array_equal(together[::-1], predictor.logits(segments[::-1]))
    np.testing.assert_array_equal(together[4:6], predictor.logits(segments[4:6]))


def test_an_actor_starts_with_it_and_checks_the_golden_answers(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("bundle")
    bundle = write_small_bundle(folder)
    PredictGenres(str(folder), "cpu", "fp32", PredictPool(runtime="onnx").runtime).ready()
    assert open_predictor(bundle, "cpu", runtime="onnx").precision == "fp32"


def test_a_network_that_onnx_cannot_express_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="cannot run this network") as raised:
        Predictor(load_bundle("cheap"), device="cpu", runtime="onnx")
    assert "\n" not in str(raised.value)
    assert "predict.runtime" in str(raised.value.hint)


def test_another_precision_is_a_usage_error() -> None:
    bundle = Bundle("here", MANIFEST, {WEIGHTS_FILE: weights_of(MANIFEST)})
    with pytest.raises(UsageError, match="in bf16"):
        Predictor(bundle, device="cpu", precision="bf16", runtime="onnx")
