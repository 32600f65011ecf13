"""`jobs/train.py`, then `score` and `jobs/evaluate.py` with the bundle it made: one corpus through all verbs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import audio_samples
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(*command: str | Path) -> dict[str, object]:
    environment = os.environ | {"RAY_ADDRESS": "local"}
    done = subprocess.run(
        [sys.executable, *map(str, command), "--json"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads(done.stdout)
    return report


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two genres that differ: tones that rise, and bursts of noise."""
    folder = tmp_path_factory.mktemp("corpus")
    for genre, sound in (("chirps", audio_samples.chirp), ("bursts", audio_samples.bursts)):
        (folder / genre).mkdir()
        for number in range(4):
            data = audio_samples.encode(sound(6, 22_050, 1, number), 22_050, "flac")
            (folder / genre / f"{number}.flac").write_bytes(data)
    return folder


@pytest.mark.parametrize("recipe", ["short_cnn", "mel_cnn"])
def test_a_trained_bundle_scores_and_is_evaluated(recipe: str, corpus: Path, tmp_path: Path) -> None:
    settings = ["optimisation.epochs=2", "folds=2", *(["architecture.dense_channels=8"] if recipe == "mel_cnn" else [])]
    overrides = [word for setting in settings for word in ("--set", setting)]
    config = ROOT / "configs" / "train" / f"{recipe}.yaml"
    trained = run(ROOT / "jobs" / "train.py", corpus, tmp_path / "bundle", "--config", config, *overrides)
    assert (trained["tracks"], trained["genres"]) == (8, ["bursts", "chirps"])
    scored = run(ROOT / "jobs" / "score.py", corpus, tmp_path / "out", "--set", f"bundle={trained['bundle']}")
    assert (scored["model_id"], scored["scored"]) == (trained["model_id"], 8)
    evaluated = run(ROOT / "jobs" / "evaluate.py", tmp_path / "bundle", corpus)
    assert evaluated["trained_on_this_data"] is True
