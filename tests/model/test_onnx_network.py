"""ONNX Runtime gives the answers of torch, to each segment by itself."""

import numpy as np
import pytest
from small_bundle import MANIFEST, weights_of, write_small_bundle

from genre_batch.actors.predict import PredictGenres, PredictPool
from genre_batch.errors import UsageError
from genre_batch.features.front_end import ImageFrontEnd, LogMelFrontEnd, MfccFrontEnd
from genre_batch.model.architecture import MfccCnnSettings, ShortCnnSettings, SpectrogramCnnSettings
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle, load_bundle
from genre_batch.model.calibration import softmax
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.predictor import Predictor

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
def test_logits_are_torchs_and_have_the_same_bits_in_any_company(manifest: BundleManifest) -> None:
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
        Predictor(load_bundle("default"), device="cpu", runtime="onnx")
    assert "\n" not in str(raised.value)
    assert "predict.runtime" in str(raised.value.hint)


def test_another_precision_is_a_usage_error() -> None:
    bundle = Bundle("here", MANIFEST, {WEIGHTS_FILE: weights_of(MANIFEST)})
    with pytest.raises(UsageError, match="in bf16"):
        Predictor(bundle, device="cpu", precision="bf16", runtime="onnx")
