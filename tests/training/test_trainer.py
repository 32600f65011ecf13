"""`train` on small synthesised corpora gives a bundle that scores, or one clear sentence."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from front_end_here import without_sandboxes

from genre_batch.errors import UsageError
from genre_batch.evaluation.report import evaluate
from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.bundle import WEIGHTS_FILE, load_bundle
from genre_batch.model.estimators.forest import ForestSettings
from genre_batch.model.networks.settings import ShortCnnSettings
from genre_batch.training.dataset import extract_here
from genre_batch.training.fit import Optimisation
from genre_batch.training.splits import SplitFiles
from genre_batch.training.train_config import TrainConfig
from genre_batch.training.trainer import train

GENRES_HZ = {"bass": (60.0, 200.0), "lead": (800.0, 2000.0), "hiss": (4000.0, 9000.0)}
TRAIN = """
import sys
from genre_batch.config import load
from genre_batch.training.train_config import TrainConfig
from genre_batch.training.trainer import train
train(load(TrainConfig, sys.argv[1]))
"""

KILLED = """
import os, signal, threading
from genre_batch.training.checkpoint import Checkpoint
save = Checkpoint.save
saved = []
def save_always(self, state, *, at_once=False):
    save(self, state, at_once=True)
    saved.append(state.epoch)
    if len(saved) == 24 + 5:  # in the middle of the second fold, at any point of an epoch
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGKILL)).start()
Checkpoint.save = save_always
"""


@pytest.fixture(autouse=True)
def _without_sandboxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings in a process of their own have them."""
    without_sandboxes(monkeypatch)


def synthesise(folder: Path, genres: tuple[str, ...] = tuple(GENRES_HZ), tracks: int = 6) -> Path:
    """Genres whose noise is in different bands: easy to learn in a few epochs."""
    rng = np.random.default_rng(0)
    for genre in genres:
        (folder / genre).mkdir(parents=True)
        low_hz, high_hz = GENRES_HZ[genre]
        for number in range(tracks):
            spectrum = np.fft.rfft(rng.normal(size=2 * 22_050))
            hertz = np.fft.rfftfreq(2 * 22_050, 1 / 22_050)
            spectrum[(hertz < low_hz) | (hertz > high_hz)] *= 0.01
            sound = np.fft.irfft(spectrum)
            soundfile.write(folder / genre / f"{genre}.{number}.wav", 0.5 * sound / np.abs(sound).max(), 22_050)
    return folder


def config(source: Path, output: Path, **changes: object) -> TrainConfig:
    settings = TrainConfig(
        source=str(source),
        output=str(output),
        name="small",
        architecture=ShortCnnSettings(channels=4, dropout=0.2),
        front_end=LogMelFrontEnd(n_mels=32, segment_frames=32, segment_hop_frames=16),
        optimisation=Optimisation(epochs=12, batch_size=4, learning_rate=0.01),
        folds=2,
        card={"not for": "music"},
    )
    return settings.model_copy(update=changes)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesise(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


def test_the_bundle_trained_scores_and_says_how_it_was_made(corpus: Path, cache: str, tmp_path: Path) -> None:
    (corpus / "bass" / "bad.wav").write_bytes(b"RIFF")
    report = train(config(corpus, tmp_path / "bundle", repeats=2, target_precision=0.5, cache=cache, unreadable="skip"))
    (corpus / "bass" / "bad.wav").unlink()
    assert report.tracks == 18
    assert sum(report.skipped.values()) == 1
    assert report.genres == ["bass", "hiss", "lead"]
    assert len(report.figures.fold_accuracies) == 4
    assert np.sum(report.figures.confusion_matrix) == 36
    assert report.figures.accuracy_mean > 0.6
    assert not report.leaky
    assert "on unseen artists" in report.summary()

    manifest = load_bundle(str(tmp_path / "bundle")).manifest
    assert manifest.metrics["accuracy_mean"] == pytest.approx(report.figures.accuracy_mean)
    assert manifest.training["split digest"] == report.split_digest
    assert len(manifest.trained_on) == 18
    assert set(manifest.thresholds) == set(report.genres)
    assert not manifest.leaky
    assert len(manifest.curves["train_loss"]) == 12
    assert len(manifest.curves["held_out_epoch"]) == len(manifest.curves["held_out_accuracy"]) == 10
    card = (tmp_path / "bundle" / "README.md").read_text()
    assert "artists never on both sides" in card
    assert "music" in card
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]

    on_training_data = evaluate(str(tmp_path / "bundle"), str(corpus))
    assert on_training_data.trained_on_this_data
    assert on_training_data.metrics.accuracy > 0.8


def test_the_same_settings_give_the_same_bundle(corpus: Path, cache: str, tmp_path: Path) -> None:
    quick = {"cache": cache, "optimisation": Optimisation(epochs=1, batch_size=4)}
    first, again = (train(config(corpus, tmp_path / name, **quick)) for name in ("first", "again"))
    assert first.fingerprint == again.fingerprint
    assert first.figures == again.figures
    embeds = train(config(corpus, tmp_path / "embeds", **quick, embedding=True))
    assert embeds.figures == first.figures
    bundles = [load_bundle(str(tmp_path / name)) for name in ("first", "embeds")]
    assert bundles[0].files[WEIGHTS_FILE] == bundles[1].files[WEIGHTS_FILE]
    assert bundles[1].manifest.embedding is not None
    assert train(config(corpus, tmp_path / "other", **quick, seed=7)).fingerprint != first.fingerprint


def test_segments_split_at_random_are_marked_as_leaky_everywhere(corpus: Path, cache: str, tmp_path: Path) -> None:
    quick = {"cache": cache, "optimisation": Optimisation(epochs=1, batch_size=4)}
    report = train(config(corpus, tmp_path / "bundle", **quick, split="segment_random", folds=3))
    assert report.leaky
    assert "LEAKY" in report.summary()
    assert report.tracks == 18
    assert np.sum(report.figures.confusion_matrix) == 18 * 4
    bundle = load_bundle(str(tmp_path / "bundle"))
    assert bundle.manifest.leaky
    assert len(bundle.manifest.trained_on) == 18
    assert "LEAKY" in (tmp_path / "bundle" / "README.md").read_text()


def test_lists_decide_what_is_learned_calibrated_and_measured(corpus: Path, cache: str, tmp_path: Path) -> None:
    for part, numbers in (("train", (0, 1, 2)), ("valid", (3,)), ("test", (4,))):
        lines = [f"{genre}/{genre}.{number}.au" for genre in GENRES_HZ for number in numbers]
        (tmp_path / f"{part}.txt").write_text("\n".join(lines))
    files = SplitFiles(**{part: str(tmp_path / f"{part}.txt") for part in ("train", "valid", "test")})
    settings = {"cache": cache, "split": "listed", "split_files": files, "target_precision": 0.5}
    report = train(config(corpus, tmp_path / "bundle", **settings))
    assert (report.tracks, report.left_out) == (15, 3)
    assert np.sum(report.figures.confusion_matrix) == 3
    assert "on the test list" in report.summary()
    assert "3 in no list" in report.summary()
    manifest = load_bundle(str(tmp_path / "bundle")).manifest
    assert len(manifest.trained_on) == 9
    assert "test list" in manifest.training["figures"]

    (tmp_path / "tested").mkdir()
    for genre in GENRES_HZ:
        (tmp_path / "tested" / genre).mkdir()
        (tmp_path / "tested" / genre / "4.wav").write_bytes((corpus / genre / f"{genre}.4.wav").read_bytes())
    shipped = evaluate(str(tmp_path / "bundle"), str(tmp_path / "tested"))
    assert not shipped.trained_on_this_data
    assert shipped.metrics.confusion_matrix == report.figures.confusion_matrix
    assert shipped.metrics.log_loss == pytest.approx(report.figures.log_loss_after, abs=0.02)


def test_estimators_are_trained_with_a_custom_extract(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # descriptors in this process would compile code of librosa that a sandbox finds compiled
    asked: list[tuple[int, Path]] = []

    def extract(tracks, front_end, cache) -> Iterator:
        asked.append((len(tracks), cache))
        return extract_here(tracks, front_end, cache)

    front_end = DescriptorFrontEnd(columns=["rms_mean", "zero_crossing_rate_mean"])
    settings = {"architecture": ForestSettings(trees=5), "front_end": front_end, "optimisation": None}
    report = train(config(corpus, tmp_path / "bundle", **settings), extract)
    assert report.figures.accuracy_mean > 0.9
    assert asked == [(18, tmp_path / ".bundle.training" / "features")]
    manifest = load_bundle(str(tmp_path / "bundle")).manifest
    assert manifest.curves == {}
    assert "optimisation" not in manifest.training
    assert evaluate(str(tmp_path / "bundle"), str(corpus)).metrics.accuracy > 0.9
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def run_training(folder: Path, settings: TrainConfig, before: str = "") -> subprocess.CompletedProcess[str]:
    """`train` in a process of its own, after the code `before`; one thread, so that a busy machine does not matter."""
    (folder / "train.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    command = [sys.executable, "-c", before + TRAIN, str(folder / "train.yaml")]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200, env=one_thread)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_training_that_is_killed_resumes_to_the_same_weights(corpus: Path, cache: str, tmp_path: Path) -> None:
    optimisation = Optimisation(epochs=24, batch_size=4, average_decay=0.9)
    settings = config(corpus, tmp_path / "bundle", cache=cache, optimisation=optimisation)
    assert run_training(tmp_path, settings, KILLED).returncode == -signal.SIGKILL
    assert not (tmp_path / "bundle").exists()

    resumed = run_training(tmp_path, settings)
    assert resumed.returncode == 0, resumed.stderr
    assert re.search("fold 2/2: resumes after epoch ([5-9]|1[0-9]|2[0-4])\n", resumed.stderr)
    assert "fold 1/2" not in resumed.stderr
    assert run_training(tmp_path, settings.model_copy(update={"output": str(tmp_path / "undisturbed")})).returncode == 0
    bundles = [load_bundle(str(tmp_path / name)) for name in ("bundle", "undisturbed")]
    assert bundles[0].fingerprint == bundles[1].fingerprint
    assert bundles[0].files["model.safetensors"] == bundles[1].files["model.safetensors"]
    assert bundles[0].manifest.metrics == bundles[1].manifest.metrics
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "train.yaml", "undisturbed"]


@pytest.mark.parametrize(
    ("genres", "tracks", "changes", "message"),
    [
        (("bass",), 3, {}, "only the genre 'bass'"),
        (("bass", "hiss"), 3, {"folds": 4}, "too few for 4 folds"),
        (("bass", "hiss"), 3, {"front_end": LogMelFrontEnd(mean=[0.0] * 128, std=[1.0] * 128)}, "are learned"),
        (("bass", "hiss"), 3, {"front_end": LogMelFrontEnd(n_mels=8, segment_frames=32)}, "at least 16 bands"),
        (("bass", "hiss"), 3, {"split": "listed"}, "train list has no track"),
    ],
)
def test_what_cannot_be_trained_is_refused_and_nothing_written(
    tmp_path: Path, genres: tuple[str, ...], tracks: int, changes: dict[str, object], message: str
) -> None:
    source = synthesise(tmp_path / "corpus", genres, tracks)
    with pytest.raises(UsageError, match=message):
        train(config(source, tmp_path / "bundle", **changes))
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_a_corpus_without_a_readable_track_is_refused(tmp_path: Path) -> None:
    for genre in ("bass", "hiss"):
        (tmp_path / "corpus" / genre).mkdir(parents=True)
        for number in range(2):
            (tmp_path / "corpus" / genre / f"{number}.wav").write_bytes(b"RIFF")
    with pytest.raises(UsageError, match="can be read"):
        train(config(tmp_path / "corpus", tmp_path / "bundle"), partial(extract_here, deadline_s=30.0))
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]
