"""`train` with every recipe, followed by `evaluate` with its bundle on the same corpus."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import audio_samples
import pytest
from front_end_here import without_sandboxes

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.config import load
from genre_batch.evaluation.report import evaluate
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.track_segments import extract_segments
from genre_batch.model.bundle import load_bundle
from genre_batch.training.dataset import Example, as_pieces
from genre_batch.training.train_config import TrainConfig
from genre_batch.training.trainer import train

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs" / "train"

SMALLER = {
    "mel_cnn": ["architecture.dense_channels=8"],
    "mobilenet": ["architecture.pretrained=false", "front_end.size=64"],
    "spectrogram_cnn": ["front_end.size=64"],
    "wavelet_fusion": ["front_end.size=64"],
    "descriptor_forest": ["architecture.trees=10"],
    "descriptor_clusters": ["architecture.clusters=2"],
    "mfcc_mlp": ["architecture.hidden_units=8"],
    "mfcc_knn": ["architecture.k=3"],
    "descriptor_knn": ["architecture.k=3"],
}
"""Settings that make a recipe quick, or small enough for a corpus of eight tracks."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two distinct genres: rising tones, and bursts of noise."""
    folder = tmp_path_factory.mktemp("corpus")
    for genre, sound in (("chirps", audio_samples.chirp), ("bursts", audio_samples.bursts)):
        (folder / genre).mkdir()
        for number in range(4):
            data = audio_samples.encode(sound(6, 22_050, 1, number), 22_050, "flac")
            (folder / genre / f"{number}.flac").write_bytes(data)
    return folder


def extract(tracks: Sequence[LabelledTrack], front_end: FrontEnd, cache: Path) -> Iterator[Example]:
    """The code that runs in the sandbox, without the time to start one."""
    for labelled in tracks:
        data = Path(labelled.track.uri).read_bytes()
        segments = extract_segments(BytesIO(data), len(data), labelled.track.track_id, front_end.whole()).segments
        yield Example(labelled, as_pieces(segments, front_end), sha256(data).hexdigest())


@pytest.mark.parametrize("recipe", sorted(path.stem for path in CONFIGS.glob("*.yaml")))
def test_every_recipe_trains_a_bundle_that_can_be_evaluated(
    recipe: str, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_sandboxes(monkeypatch)
    file = CONFIGS / f"{recipe}.yaml"
    quick = ["optimisation.epochs=1"] if "optimisation:" in file.read_text(encoding="utf-8") else []
    overrides = [*quick, "folds=2", "repeats=1", *SMALLER.get(recipe, [])]
    places = {"source": str(corpus), "output": str(tmp_path / "bundle")}
    report = train(load(TrainConfig, str(file), overrides, places), extract)
    assert (report.tracks, report.genres, len(report.figures.fold_accuracies)) == (8, ["bursts", "chirps"], 2)
    manifest = load_bundle(report.bundle).manifest
    assert bool(manifest.curves) == bool(quick)
    evaluated = evaluate(report.bundle, str(corpus))
    assert (evaluated.metrics.tracks, evaluated.rejected) == (8, 0)
    if not quick:
        assert evaluated.metrics.accuracy == 1.0


def run(*command: str | Path) -> dict[str, object]:
    environment = os.environ | {"RAY_ADDRESS": "local"}
    done = subprocess.run(
        [sys.executable, *map(str, command), "--json"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads(done.stdout)
    return report


def test_the_jobs_train_score_and_evaluate(corpus: Path, tmp_path: Path) -> None:
    overrides = [word for setting in ("optimisation.epochs=2", "folds=2") for word in ("--set", setting)]
    config = CONFIGS / "short_cnn.yaml"
    trained = run(ROOT / "jobs" / "train.py", corpus, tmp_path / "bundle", "--config", config, *overrides)
    assert (trained["tracks"], trained["genres"]) == (8, ["bursts", "chirps"])
    settings = ["--set", f"bundle={trained['bundle']}", "--set", "extract.max_size=1"]
    scored = run(ROOT / "jobs" / "score.py", corpus, tmp_path / "out", *settings)
    assert (scored["model_id"], scored["scored"]) == (trained["model_id"], 8)
    evaluated = run(ROOT / "jobs" / "evaluate.py", tmp_path / "bundle", corpus)
    assert evaluated["trained_on_this_data"] is True


def test_training_needs_no_ray(corpus: Path, tmp_path: Path) -> None:
    without = "import sys; sys.modules['ray'] = None; from genre_batch.cli.app import main; main(sys.argv[1:])"
    config = ["--config", CONFIGS / "short_cnn.yaml", "--set", "optimisation.epochs=1", "--set", "folds=2"]
    trained = run("-c", without, "train", corpus, tmp_path / "bundle", *config)
    assert trained["tracks"] == 8
    assert load_bundle(str(tmp_path / "bundle")).model_id == trained["model_id"]
