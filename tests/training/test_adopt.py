"""A model from elsewhere becomes a complete bundle, or none."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from exported_models import linear_onnx, save_wav2vec2
from onnx import helper, numpy_helper

from genre_batch.errors import UsageError
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.front_ends.plain_waveform import WaveformFrontEnd
from genre_batch.model.architecture import HuggingFaceSettings, OnnxSettings
from genre_batch.model.bundle import load_bundle
from genre_batch.model.golden import check_probabilities, check_segments
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Calibration
from genre_batch.training.adopt import AdoptConfig, adopt

GENRES = ["blues", "jazz", "rock"]
MELS = LogMelFrontEnd(n_mels=16, segment_frames=20, segment_hop_frames=20)
SECOND = WaveformFrontEnd(sample_rate=16_000, segment_s=1.0, rms_dbfs=None)


def onnx_config(folder: Path, data: bytes | None = None, **more: object) -> AdoptConfig:
    path = folder / "exported.onnx"
    path.write_bytes(linear_onnx(["B", 1, 16, 20], 320, 3) if data is None else data)
    settings: dict[str, object] = {
        "model": str(path),
        "output": str(folder / "bundle"),
        "name": "exported",
        "architecture": OnnxSettings(),
        "front_end": MELS,
        "genres": GENRES,
    }
    return AdoptConfig.model_validate(settings | more)


def transformers_config(folder: Path, labels: list[str], **more: object) -> AdoptConfig:
    save_wav2vec2(folder / "exported", labels)
    settings: dict[str, object] = {
        "model": str(folder / "exported"),
        "output": str(folder / "bundle"),
        "name": "exported",
        "architecture": HuggingFaceSettings(),
        "front_end": SECOND,
    }
    return AdoptConfig.model_validate(settings | more)


def nothing_was_written(folder: Path) -> bool:
    return {path.name for path in folder.iterdir()} <= {"exported", "exported.onnx"}


def test_an_onnx_file_becomes_a_bundle_that_keeps_its_golden_answers(tmp_path: Path) -> None:
    config = onnx_config(
        tmp_path,
        calibration=Calibration(temperature=2.0),
        thresholds={"jazz": 0.6},
        card={"trained on": "noise"},
    )
    report = adopt(config)
    bundle = load_bundle(report.bundle)
    assert (bundle.model_id, bundle.fingerprint) == (report.model_id, report.fingerprint)
    assert bundle.files["model.onnx"] == (tmp_path / "exported.onnx").read_bytes()
    check_segments(bundle)
    check_probabilities(bundle, open_predictor(bundle))
    manifest = bundle.manifest
    assert (manifest.calibration.temperature, manifest.thresholds) == (2.0, {"jazz": 0.6})
    card = bundle.files["README.md"].decode()
    assert "| trained on | noise |" in card
    assert "genre-batch adopt" in card
    assert "blues, jazz, rock" in report.summary()


def test_another_model_has_another_fingerprint(tmp_path: Path) -> None:
    first = adopt(onnx_config(tmp_path)).fingerprint
    other = linear_onnx(["B", 1, "H", "W"], 320, 3)
    assert adopt(onnx_config(tmp_path, other, output=str(tmp_path / "other"))).fingerprint != first
    assert adopt(onnx_config(tmp_path, output=str(tmp_path / "again"))).fingerprint == first


def test_a_model_of_transformers_names_its_own_genres(tmp_path: Path) -> None:
    report = adopt(transformers_config(tmp_path, ["rock", "jazz"]))
    assert report.genres == ["rock", "jazz"]
    bundle = load_bundle(report.bundle)
    check_segments(bundle)
    check_probabilities(bundle, open_predictor(bundle))
    assert set(bundle.manifest.files) == {
        "README.md",
        "config.json",
        "canaries.zip",
        "golden.npz",
        "model.safetensors",
        "preprocessor_config.json",
    }


def test_labels_that_are_only_numbers_must_be_named(tmp_path: Path) -> None:
    config = transformers_config(tmp_path, ["LABEL_0", "LABEL_1"])
    with pytest.raises(UsageError, match="names no genres"):
        adopt(config)
    assert nothing_was_written(tmp_path)
    path = tmp_path / "exported" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}))
    with pytest.raises(UsageError, match="names no genres"):
        adopt(config)
    assert adopt(transformers_config(tmp_path, ["LABEL_0", "LABEL_1"], genres=["folk", "jazz"])).genres[0] == "folk"


@pytest.mark.parametrize("labels", [{}, {"0": "a", "2": "b"}, {"zero": "a"}, None, [1]])
def test_invalid_labels_are_refused(labels: object, tmp_path: Path) -> None:
    config = transformers_config(tmp_path, GENRES)
    path = tmp_path / "exported" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"id2label": labels}))
    with pytest.raises(UsageError, match="names no genres"):
        adopt(config)
    assert nothing_was_written(tmp_path)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"genres": ["blues", "jazz"]}, r"is \[1, 3\], not \[1, 2\]"),
        ({"genres": ["blues", "blues", "rock"]}, "is listed twice"),
        ({"thresholds": {"folk": 0.5}}, "'folk'"),
        ({"front_end": SECOND}, "takes .* and the front end gives"),
        ({"model": "/nowhere/model.onnx"}, "there is no file /nowhere/model.onnx"),
        ({"output": "s3://bucket/bundle"}, "local folder"),
        ({"architecture": OnnxSettings(output="none")}, "no output 'none'"),
    ],
)
def test_what_does_not_fit_leaves_nothing_behind(more: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        adopt(onnx_config(tmp_path, **more))
    assert nothing_was_written(tmp_path)


def test_a_full_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not an empty folder"):
        adopt(onnx_config(tmp_path))
    assert [path.name for path in (tmp_path / "bundle").iterdir()] == ["mine.txt"]


def test_a_folder_without_safetensors_is_not_enough(tmp_path: Path) -> None:
    config = transformers_config(tmp_path, GENRES)
    (tmp_path / "exported" / "model.safetensors").rename(tmp_path / "exported" / "pytorch_model.bin")
    with pytest.raises(UsageError, match=r"there is no file .*/exported/model\.safetensors") as error:
        adopt(config)
    assert "save_pretrained" in error.value.hint
    assert nothing_was_written(tmp_path)


def test_a_model_that_answers_music_with_nan_is_refused(tmp_path: Path) -> None:
    model = onnx.load_from_string(linear_onnx(["B", 1, 16, 20], 320, 3))
    model.graph.initializer.append(numpy_helper.from_array(np.array(-1e9, np.float32), "least"))
    model.graph.node.insert(0, helper.make_node("Sub", ["sound", "least"], ["negative"]))
    model.graph.node.insert(1, helper.make_node("Neg", ["negative"], ["below"]))
    model.graph.node.insert(2, helper.make_node("Sqrt", ["below"], ["root"]))
    model.graph.node[3].input[0] = "root"
    with pytest.raises(UsageError, match="not finite"):
        adopt(onnx_config(tmp_path, model.SerializeToString()))
    assert nothing_was_written(tmp_path)


def test_an_onnx_file_needs_genres() -> None:
    with pytest.raises(ValueError, match="an ONNX file does not name them"):
        AdoptConfig(model="m", output="o", name="n", architecture=OnnxSettings(), front_end=MELS)
