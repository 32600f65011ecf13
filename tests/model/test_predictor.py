"""The predictor's answers are the network's, and do not depend on the other segments."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from small_bundle import MANIFEST, fill_with_noise, weights_of, with_another_head, write_small_bundle

from genre_batch.errors import UsageError
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle, load_bundle
from genre_batch.model.devices import Precision
from genre_batch.model.networks.build import build_network
from genre_batch.model.networks.settings import ShortCnnSettings
from genre_batch.model.predictor import Predictor
from genre_batch.model.scores import softmax

NO_GPU = not torch.cuda.is_available()
SHORT = MANIFEST.model_copy(
    update={
        "architecture": ShortCnnSettings(channels=8),
        "front_end": LogMelFrontEnd(segment_frames=128, segment_hop_frames=64),
    }
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_small_bundle(tmp_path_factory.mktemp("bundle"))


def segments(count: int, n_mels: int = 16, frames: int = 64) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((count, n_mels, frames)).astype(np.float16)


def test_answers_are_the_networks(bundle: Bundle) -> None:
    network = fill_with_noise(build_network(MANIFEST.architecture, 16, 64, 3))
    wanted = segments(10)
    with torch.inference_mode():
        expected = network(torch.from_numpy(wanted.astype(np.float32)).unsqueeze(1)).numpy()
    logits = Predictor(bundle, device="cpu", batch_segments=4).logits(wanted)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("manifest", [MANIFEST, SHORT], ids=["mel_cnn", "short_cnn"])
def test_a_segments_answer_has_the_same_bits_in_any_batch(manifest: object) -> None:
    bundle = Bundle("here", manifest, {WEIGHTS_FILE: weights_of(manifest)})
    predictor = Predictor(bundle, device="cpu", batch_segments=8)
    wanted = segments(21, manifest.front_end.n_mels, manifest.front_end.segment_frames)
    together = predictor.logits(wanted)
    alone = np.concatenate([predictor.logits(wanted[i : i + 1]) for i in range(len(wanted))])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together, predictor.logits(wanted[::-1])[::-1])
    np.testing.assert_array_equal(together[5:16], predictor.logits(wanted[5:16]))


def test_another_batch_size_changes_rounding_at_most(bundle: Bundle) -> None:
    wanted = segments(9)
    default = Predictor(bundle, device="cpu").logits(wanted)
    for size in (1, 2, 64):
        other = Predictor(bundle, device="cpu", batch_segments=size).logits(wanted)
        np.testing.assert_allclose(other, default, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_reduced_precision_is_used_and_stays_near(bundle: Bundle, precision: Precision) -> None:
    wanted = segments(6)
    exact = softmax(Predictor(bundle, device="cpu").logits(wanted))
    reduced = softmax(Predictor(bundle, device="cpu", precision=precision).logits(wanted))
    assert not np.array_equal(exact, reduced)
    np.testing.assert_allclose(reduced, exact, atol=0.02)


def test_no_segments_give_no_rows(bundle: Bundle) -> None:
    assert Predictor(bundle, device="cpu").logits(segments(0)).shape == (0, 3)


def test_read_only_segments_are_fine(bundle: Bundle) -> None:
    wanted = segments(3)
    wanted.setflags(write=False)
    assert Predictor(bundle, device="cpu").logits(wanted).shape == (3, 3)


def test_weights_stored_in_half_precision_answer_in_single(bundle: Bundle) -> None:
    halved = save({name: tensor.half() for name, tensor in load(bundle.files[WEIGHTS_FILE]).items()})
    half = Bundle("here", bundle.manifest, {WEIGHTS_FILE: halved})
    wanted = segments(5)
    logits = Predictor(half, device="cpu").logits(wanted)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, Predictor(bundle, device="cpu").logits(wanted), atol=1e-2)


def test_weights_of_another_network_are_refused(bundle: Bundle) -> None:
    other = bundle.manifest.model_copy(update={"architecture": ShortCnnSettings(channels=8)})
    with pytest.raises(UsageError, match="do not fit its architecture") as raised:
        Predictor(Bundle("here", other, bundle.files), device="cpu")
    assert "\n" not in str(raised.value)


def test_auto_takes_a_gpu_if_there_is_one(bundle: Bundle) -> None:
    assert Predictor(bundle, device="auto").device.type == ("cpu" if NO_GPU else "cuda")


@pytest.mark.skipif(not NO_GPU, reason="there is a GPU")
def test_a_missing_gpu_is_a_usage_error(bundle: Bundle) -> None:
    with pytest.raises(UsageError, match="no GPU") as raised:
        Predictor(bundle, device="cuda")
    assert raised.value.hint


@pytest.mark.gpu
@pytest.mark.skipif(NO_GPU, reason="there is no GPU")
def test_a_gpu_gives_the_cpus_answers(bundle: Bundle, tmp_path: Path) -> None:
    wanted = segments(300)
    on_gpu = Predictor(bundle, device="cuda", batch_segments=16).logits(wanted)
    np.testing.assert_allclose(on_gpu, Predictor(bundle, device="cpu").logits(wanted), atol=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(NO_GPU, reason="there is no GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("manifest", [MANIFEST, SHORT], ids=["mel_cnn", "short_cnn"])
def test_on_a_gpu_too_a_segments_answer_has_the_same_bits_in_any_batch(manifest: object, precision: Precision) -> None:
    predictor = Predictor(Bundle("here", manifest, {WEIGHTS_FILE: weights_of(manifest)}), "cuda", precision)
    wanted = segments(150, manifest.front_end.n_mels, manifest.front_end.segment_frames)
    together = predictor.logits(wanted)
    alone = np.concatenate([predictor.logits(wanted[i : i + 1]) for i in range(20)])
    np.testing.assert_array_equal(together[:20], alone)
    np.testing.assert_array_equal(together, predictor.logits(wanted[::-1])[::-1])
    np.testing.assert_array_equal(together[5:116], predictor.logits(wanted[5:116]))


def test_only_equal_trunks_share_their_values(tmp_path: Path) -> None:
    default = load_bundle("default")
    other_head = load_bundle(with_another_head("default", tmp_path))
    state = load(default.files[WEIGHTS_FILE])
    changed = save(state | {"trunk.input.shift": state["trunk.input.shift"] + 1})
    other_trunk = Bundle("here", default.manifest, {WEIGHTS_FILE: changed})
    first, same, other = (Predictor(bundle, device="cpu") for bundle in (default, other_head, other_trunk))
    assert first.trunk_id() == same.trunk_id() != other.trunk_id()
    assert first.trunk_id() != Predictor(default, device="cpu", precision="bf16").trunk_id()
    assert Predictor(default, device="cpu", runtime="onnx").trunk_id() is None
    wanted = segments(5, *default.manifest.front_end.segment_shape)
    answers, expected = same.answers(wanted, first.trunk_values(wanted)), same.answers(wanted)
    for name in ("logits", "distances", "tags", "layer"):
        np.testing.assert_array_equal(getattr(answers, name), getattr(expected, name))
    assert (same.logits(wanted) != first.logits(wanted)).any()


def test_a_network_without_a_trunk_shares_nothing(bundle: Bundle) -> None:
    assert Predictor(bundle, device="cpu").trunk_id() is None
