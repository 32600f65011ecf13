"""Weights that the actors could not use are refused without torch, and those they can use are not."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load, save
from security.evil_files import Bomb, forged_safetensors, pickled
from small_bundle import MANIFEST, weights_of

from genre_batch.errors import UsageError
from genre_batch.model.architecture import (
    Architecture,
    HuggingFaceSettings,
    MelCnnSettings,
    MobileNetSettings,
    OnnxSettings,
    ShortCnnSettings,
    TextureKernelSettings,
)
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.check_weights import check_weights

Arrays = dict[str, npt.NDArray[np.float32]]
WEIGHTS = load(weights_of(MANIFEST))
OUTPUT = {"output.weight": np.zeros((3, 9), np.float32), "output.bias": np.zeros(3, np.float32)}


def bundle_of(weights: bytes | Arrays, architecture: Architecture = MANIFEST.architecture) -> Bundle:
    manifest = MANIFEST.model_copy(update={"architecture": architecture})
    return Bundle("/b", manifest, {"model.safetensors": weights if isinstance(weights, bytes) else save(weights)})


def kernel(support: int, coefficients: int) -> Arrays:
    vectors = dict.fromkeys(("mean", "std", "relevance"), np.zeros(748, np.float32))
    return vectors | {"support": np.zeros((support, 748)), "coefficients": np.zeros((coefficients, 3))}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("weights", "architecture"),
    [
        (WEIGHTS, MANIFEST.architecture),
        ({name: array.astype(np.float16) for name, array in WEIGHTS.items()}, MANIFEST.architecture),
        (kernel(5, 5), TextureKernelSettings()),
        (OUTPUT | {"backbone.x": np.zeros(2, np.float32)}, MobileNetSettings()),
        ({"anything": np.zeros(2, np.float32)}, HuggingFaceSettings()),
    ],
)
def test_weights_that_fit_pass(weights: Arrays, architecture: Architecture) -> None:
    check_weights(bundle_of(weights, architecture))


def test_the_shipped_bundle_passes_and_one_without_such_a_file_is_left_to_others() -> None:
    check_weights(load_bundle("default"))
    check_weights(Bundle("/b", MANIFEST.model_copy(update={"architecture": OnnxSettings()}), {"model.onnx": b"x"}))


@pytest.mark.parametrize(
    ("weights", "architecture", "words"),
    [
        (WEIGHTS, MelCnnSettings(dense_channels=9), r"dense.weight is \(8, 128, 2, 1\), not \(9, 128, 2, 1\)"),
        (WEIGHTS, ShortCnnSettings(), "there is an unknown 'dense.bias'"),
        ({k: v for k, v in WEIGHTS.items() if k != "output.bias"}, MANIFEST.architecture, "there is no 'output.bias'"),
        (WEIGHTS | {"output.bias": np.zeros(4, np.float32)}, MANIFEST.architecture, "output.bias"),
        (WEIGHTS | {"output.bias": np.zeros((3, 1), np.float32)}, MANIFEST.architecture, "output.bias"),
        (kernel(5, 4), TextureKernelSettings(), "coefficients"),
        (kernel(0, 0), TextureKernelSettings(), "support"),
        (OUTPUT | {"output.bias": np.zeros(4, np.float32)}, MobileNetSettings(), "output.bias"),
    ],
)
def test_weights_of_another_network_are_refused(weights: Arrays, architecture: Architecture, words: str) -> None:
    with pytest.raises(UsageError, match=f"^the weights of the model bundle /b do not fit its architecture: .*{words}"):
        check_weights(bundle_of(weights, architecture))


@pytest.mark.parametrize("architecture", [MANIFEST.architecture, HuggingFaceSettings()])
def test_what_is_no_safetensors_file_is_refused_and_not_run(architecture: Architecture, tmp_path: Path) -> None:
    for data in pickled(Bomb(tmp_path / "executed")).values():
        with pytest.raises(UsageError, match="no safetensors file"):
            check_weights(bundle_of(data, architecture))
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("kind", sorted(forged_safetensors()))
def test_forged_files_are_refused_in_one_sentence(kind: str) -> None:
    with pytest.raises(UsageError) as told:
        check_weights(bundle_of(forged_safetensors()[kind]))
    assert "\n" not in str(told.value)
