"""`jobs/adopt.py`, followed by `evaluate` and `score` with its bundle."""

import json
import os
import subprocess
import sys
from pathlib import Path

import audio_samples
import pytest
from exported_models import linear_onnx, save_ast
from table_checks import rows

from genre_batch.cli.app import main

ROOT = Path(__file__).parents[2]
GENRES = ["bursts", "chirps"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(verb: str, *words: str | Path, exit_code: int = 0) -> dict[str, object]:
    command = [sys.executable, str(ROOT / "jobs" / f"{verb}.py"), *map(str, words), "--json"]
    environment = os.environ | {"RAY_ADDRESS": "local"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == exit_code, done.stderr
    report: dict[str, object] = json.loads(done.stdout) if exit_code == 0 else {"error": done.stderr}
    return report


def adopt(folder: Path, name: str, *changes: str, exit_code: int = 0) -> dict[str, object]:
    config = ROOT / "configs" / "adopt" / f"{name}.yaml"
    words = [word for change in changes for word in ("--set", change)]
    return run("adopt", folder / "exported", folder / "bundle", "--config", config, *words, exit_code=exit_code)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for genre, sound in (("chirps", audio_samples.chirp), ("bursts", audio_samples.bursts)):
        (folder / genre).mkdir()
        for number in range(3):
            data = audio_samples.encode(sound(6, 22_050, 1, number), 22_050, "flac")
            (folder / genre / f"{number}.flac").write_bytes(data)
    return folder


def evaluated_tracks(folder: Path, corpus: Path) -> tuple[object, object, object]:
    """The numbers of listed, rejected and evaluated tracks."""
    report = run("evaluate", folder / "bundle", corpus)
    metrics = report["metrics"]
    assert isinstance(metrics, dict)
    return report["listed"], report["rejected"], metrics["tracks"]


def test_an_onnx_model_on_spectrograms_can_be_evaluated_and_used_for_scoring(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "exported").write_bytes(linear_onnx(["batch", 1, 128, "frames"], 128 * 128, 2))
    adopted = adopt(tmp_path, "onnx", f"genres={GENRES}")
    assert evaluated_tracks(tmp_path, corpus) == (6, 0, 6)
    settings = ["--set", f"bundle={tmp_path / 'bundle'}", "--set", "extract.max_size=1"]
    scored = run("score", corpus, tmp_path / "out", *settings)
    assert (scored["model_id"], scored["scored"], scored["rejected"]) == (adopted["model_id"], 6, 0)
    assert {row["genre"] for row in rows(tmp_path / "out", "scores")} <= set(GENRES)


def test_an_onnx_model_on_samples_can_be_evaluated(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "exported").write_bytes(linear_onnx([1, 16_000], 16_000, 2, softmax=True))
    waveform = "front_end={name: waveform, sample_rate: 16000, segment_s: 1.0}"
    settings = "architecture={name: onnx, layout: BW, answers: probabilities}"
    adopt(tmp_path, "onnx", f"genres={GENRES}", waveform, settings)
    assert evaluated_tracks(tmp_path, corpus) == (6, 0, 6)


def test_a_transformers_model_can_be_evaluated(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs in this process, so that transformers is loaded only once."""
    save_ast(tmp_path / "exported", GENRES)
    config, bundle = ROOT / "configs" / "adopt" / "hugging_face.yaml", str(tmp_path / "bundle")
    adopting = ["adopt", str(tmp_path / "exported"), bundle, "--config", str(config)]
    capsys.readouterr()
    for words in ([*adopting, "--set", "front_end.segment_s=1.0"], ["evaluate", bundle, str(corpus)]):
        with pytest.raises(SystemExit) as ended:
            main([*words, "--json"])
        assert ended.value.code == 0
    adopted, evaluated = map(json.loads, capsys.readouterr().out.splitlines())
    assert (adopted["genres"], adopted["model_id"]) == (GENRES, evaluated["model_id"])
    assert (evaluated["rejected"], evaluated["metrics"]["tracks"]) == (0, 6)


def test_a_model_with_another_input_shape_is_refused_with_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "exported").write_bytes(linear_onnx(["B", 1, 64, 128], 64 * 128, 2))
    error = str(adopt(tmp_path, "onnx", f"genres={GENRES}", exit_code=2)["error"])
    assert "the ONNX model takes [B, 1, 64, 128], and the front end gives [B, 1, 128, 128]" in error
    assert "Traceback" not in error
    assert not (tmp_path / "bundle").exists()
