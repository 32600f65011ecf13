"""Models of transformers answer as transformers does, and only from the bundle's own files."""

import builtins
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from exported_models import save_ast, save_wav2vec2
from music import music
from safetensors.torch import load, save

from genre_batch.errors import UsageError
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.front_ends.plain_waveform import WaveformFrontEnd
from genre_batch.model.architecture import HuggingFaceSettings
from genre_batch.model.bundle import Bundle
from genre_batch.model.classifier import FileName
from genre_batch.model.exported.hugging_face_predictor import HuggingFacePredictor
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Taxonomy, softmax

GENRES = ["blues", "jazz", "rock"]
SECOND = WaveformFrontEnd(sample_rate=16_000, segment_s=1.0, rms_dbfs=None)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("exported")
    save_wav2vec2(folder / "wav2vec2", GENRES)
    save_ast(folder / "ast", GENRES)
    return {"wav2vec2": folder / "wav2vec2", "ast": folder / "ast"}


def bundle(folder: Path, front_end: FrontEnd = SECOND, genres: list[str] = GENRES, **more: bytes) -> Bundle:
    settings = HuggingFaceSettings()
    manifest = BundleManifest(
        name="exported", architecture=settings, front_end=front_end, taxonomy=Taxonomy(genres=genres)
    )
    files: dict[FileName, bytes] = {name: (folder / name).read_bytes() for name in settings.weight_files}
    return Bundle(str(folder), manifest, files | {name.replace("__", "."): data for name, data in more.items()})  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["wav2vec2", "ast"])
def test_it_answers_as_the_pipeline_of_transformers(kind: str, folders: dict[str, Path]) -> None:
    from transformers import pipeline

    segments = SECOND.segments(music(3.0, 16_000))
    predictor = open_predictor(bundle(folders[kind]), device="cpu")
    answers = predictor.logits(segments)
    assert (answers.dtype, answers.shape) == (np.float32, (3, 3))
    theirs = pipeline("audio-classification", model=str(folders[kind]), function_to_apply="none")
    for segment, answer in zip(segments, answers, strict=True):
        expected = {row["label"]: row["score"] for row in theirs(segment[0].astype(np.float32), top_k=3)}
        assert np.allclose(answer, [expected[genre] for genre in GENRES], atol=1e-4)
    assert np.ptp(softmax(answers), axis=0).max() > 1e-3, "the answers differ between the segments"


@pytest.mark.parametrize("kind", ["wav2vec2", "ast"])
def test_an_answer_does_not_depend_on_the_other_segments(kind: str, folders: dict[str, Path]) -> None:
    segments = SECOND.segments(music(5.0, 16_000))
    predictor = HuggingFacePredictor(bundle(folders[kind]), device="cpu")
    alone = [predictor.logits(segment[None]) for segment in segments]
    assert np.array_equal(predictor.logits(segments), np.concatenate(alone))
    assert predictor.logits(segments[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    ("kind", "front_end", "genres", "message"),
    [
        ("ast", LogMelFrontEnd(), GENRES, "takes samples, not log_mel"),
        ("wav2vec2", WaveformFrontEnd(segment_s=1.0), GENRES, "expects 16000 Hz, and the front end gives 22050 Hz"),
        ("wav2vec2", SECOND, [*GENRES, "folk"], r"answers \[1, 3\], and 4 genres need \[1, 4\]"),
        ("ast", SECOND.model_copy(update={"segment_s": 3.0}), GENRES, "does not use the end of 3 s"),
        ("wav2vec2", SECOND.model_copy(update={"segment_s": 0.0005}), GENRES, "cannot take 0.0005 s"),
    ],
)
def test_what_does_not_fit_is_reported(
    kind: str, front_end: FrontEnd, genres: list[str], message: str, folders: dict[str, Path]
) -> None:
    with pytest.raises(UsageError, match=message):
        HuggingFacePredictor(bundle(folders[kind], front_end, genres), device="cpu")


def _with(data: bytes, **more: object) -> bytes:
    return json.dumps(json.loads(data) | more).encode()


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("config.json", "auto_map", {"AutoModelForAudioClassification": "model.Model"}),
        ("config.json", "auto_map", {"AutoModelForAudioClassification": "someone/repository--model.Model"}),
        ("preprocessor_config.json", "auto_map", {"AutoFeatureExtractor": "extractor.Extractor"}),
        ("config.json", "quantization_config", {"quant_method": "bitsandbytes", "load_in_8bit": True}),
    ],
)
def test_code_of_its_own_is_refused(name: str, key: str, value: object, folders: dict[str, Path]) -> None:
    changed = _with((folders["ast"] / name).read_bytes(), **{key: value})
    with pytest.raises(UsageError, match=f"requires code of its own or another library .{key}"):
        HuggingFacePredictor(bundle(folders["ast"], **{name.replace(".", "__"): changed}))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("config.json", lambda data: b"{", "is not valid JSON"),
        ("config.json", lambda data: b"[" * 100_000, "is not valid JSON"),
        ("config.json", lambda data: _with(data, model_type="bert"), "cannot be loaded"),
        ("config.json", lambda data: _with(data, hidden_size=32), "cannot be loaded"),
        ("preprocessor_config.json", lambda data: _with(data, feature_extractor_type="Eval"), "cannot be loaded"),
        ("model.safetensors", lambda data: data[:1000], "cannot be loaded"),
        ("model.safetensors", lambda data: b"\x80\x04cos\nsystem\n", "cannot be loaded"),
    ],
)
def test_damage_is_reported(
    name: str, change: Callable[[bytes], bytes], message: str, folders: dict[str, Path]
) -> None:
    changed = change((folders["ast"] / name).read_bytes())
    with pytest.raises(UsageError, match=message):
        HuggingFacePredictor(bundle(folders["ast"], **{name.replace(".", "__"): changed}))


def test_a_model_that_was_not_trained_to_classify_is_refused(folders: dict[str, Path]) -> None:
    """transformers would only warn, and answer with random weights."""
    weights = load((folders["wav2vec2"] / "model.safetensors").read_bytes())
    bare: dict[str, torch.Tensor] = {name: tensor for name, tensor in weights.items() if "classifier" not in name}
    with pytest.raises(UsageError, match=r"the weights have no classifier\.bias and 1 more"):
        HuggingFacePredictor(bundle(folders["wav2vec2"], model__safetensors=save(bare)))


def test_without_transformers_the_hint_is_how_to_install_it(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name == "transformers":
            raise ImportError(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    ast = bundle(folders["ast"])
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match="not installed") as error:
        HuggingFacePredictor(ast)
    assert "pip install transformers" in error.value.hint


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_gpu(folders: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="no GPU"):
        HuggingFacePredictor(bundle(folders["ast"]), device="cuda")
