"""Weights that the actors could not use are refused without torch."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load, save
from security.evil_files import Bomb, forged_safetensors, pickled
from small_bundle import MANIFEST, weights_of, write_small_bundle

from genre_batch.errors import UsageError, UserError
from genre_batch.model.architecture import Architecture, HuggingFaceSettings, OnnxSettings
from genre_batch.model.bundle import SHIPPED_BUNDLES, Bundle, load_bundle
from genre_batch.model.check_weights import check_weights, weight_shapes
from genre_batch.model.networks.settings import MelCnnSettings, TextureKernelSettings
from genre_batch.model.open_predictor import open_predictor

Arrays = dict[str, npt.NDArray[np.float32]]
WEIGHTS = load(weights_of(MANIFEST))
SHAPES = {name: list(array.shape) for name, array in WEIGHTS.items()}


def bundle_of(
    weights: bytes | Arrays,
    architecture: Architecture = MANIFEST.architecture,
    recorded: dict[str, list[int]] = SHAPES,
) -> Bundle:
    manifest = MANIFEST.model_copy(update={"architecture": architecture, "weight_shapes": recorded})
    return Bundle("/b", manifest, {"model.safetensors": weights if isinstance(weights, bytes) else save(weights)})


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_weights_pass_with_the_recorded_shapes_only(dtype: type) -> None:
    weights = {name: array.astype(dtype) for name, array in WEIGHTS.items()}
    check_weights(bundle_of(weights))
    with pytest.raises(UsageError, match=r"output.bias is \[3\], not \[4\]"):
        check_weights(bundle_of(weights, recorded=SHAPES | {"output.bias": [4]}))


def test_shapes_are_recorded_when_a_bundle_is_written(tmp_path: Path) -> None:
    bundle = write_small_bundle(tmp_path)
    assert bundle.manifest.weight_shapes == SHAPES
    assert load_bundle(str(tmp_path)).manifest.weight_shapes == SHAPES
    check_weights(bundle)


@pytest.mark.parametrize("name", SHIPPED_BUNDLES)
def test_the_shapes_of_a_shipped_bundle_are_recorded(name: str) -> None:
    bundle = load_bundle(name)
    assert bundle.manifest.weight_shapes == weight_shapes(bundle.files["model.safetensors"])
    check_weights(bundle)


def test_the_fingerprint_of_the_first_default_is_what_it_was() -> None:
    bundle = load_bundle("cheap")
    assert (bundle.manifest.front_end.channels, bundle.manifest.front_end.offset) == ("mean", "keep")
    assert bundle.fingerprint == "693ee11217ae37d71d399765ee707ac626bc9b4803f2c34786a36ba4358f1b0a"


@pytest.mark.parametrize("architecture", [MelCnnSettings(), TextureKernelSettings(), HuggingFaceSettings()])
def test_a_bundle_without_recorded_shapes_is_left_to_the_predictor(architecture: Architecture) -> None:
    weights = {"anything": np.zeros(2, np.float32)}
    check_weights(bundle_of(weights, architecture, recorded={}))
    with pytest.raises(UsageError, match="there is no 'something'"):
        check_weights(bundle_of(weights, architecture, recorded={"anything": [2], "something": [2]}))


def test_a_bundle_without_such_a_file_is_left_to_the_predictor() -> None:
    bundle = Bundle("/b", MANIFEST.model_copy(update={"architecture": OnnxSettings()}), {"model.onnx": b"x"})
    check_weights(bundle)
    with pytest.raises(UserError):
        open_predictor(bundle, device="cpu")


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (
            WEIGHTS | {"dense.weight": np.zeros((9, 128, 2, 1), np.float32)},
            r"dense.weight is \[9, 128, 2, 1\], not \[8, ",
        ),
        (WEIGHTS | {"extra": np.zeros(1, np.float32)}, "there is an unknown 'extra'"),
        ({k: v for k, v in WEIGHTS.items() if k != "output.bias"}, "there is no 'output.bias'"),
        (WEIGHTS | {"output.bias": np.zeros(4, np.float32)}, "output.bias"),
        (WEIGHTS | {"output.bias": np.zeros((3, 1), np.float32)}, "output.bias"),
        (WEIGHTS | {"output.bias": np.zeros(0, np.float32)}, "output.bias"),
    ],
)
def test_weights_of_other_shapes_are_refused(weights: Arrays, words: str) -> None:
    with pytest.raises(UsageError, match=f"^the weights of the model bundle /b do not fit its architecture: .*{words}"):
        check_weights(bundle_of(weights))


@pytest.mark.parametrize("recorded", [SHAPES, {}])
@pytest.mark.parametrize("architecture", [MANIFEST.architecture, HuggingFaceSettings()])
def test_other_files_than_safetensors_are_refused_and_not_run(
    architecture: Architecture, recorded: dict[str, list[int]], tmp_path: Path
) -> None:
    for data in pickled(Bomb(tmp_path / "executed")).values():
        with pytest.raises(UsageError, match="is not a safetensors file"):
            check_weights(bundle_of(data, architecture, recorded))
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("kind", sorted(forged_safetensors()))
def test_forged_files_are_refused_in_one_sentence(kind: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_weights(bundle_of(forged_safetensors()[kind]))
    assert "\n" not in str(refused.value)
