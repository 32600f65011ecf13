"""`train` on small synthesised corpora: a bundle that scores, honest about what it is, or one clear sentence."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from genre_batch.errors import UsageError
from genre_batch.evaluation.report import evaluate
from genre_batch.features.front_end import LogMelFrontEnd
from genre_batch.model.architecture import ShortCnnSettings
from genre_batch.model.bundle import load_bundle
from genre_batch.training.fit import Optimisation
from genre_batch.training.trainer import TrainConfig, train

GENRES_HZ = {"bass": (60.0, 200.0), "lead": (800.0, 2000.0), "hiss": (4000.0, 9000.0)}


def synthesise(folder: Path, genres: tuple[str, ...] = tuple(GENRES_HZ), tracks: int = 6) -> Path:
    """Genres that differ in the band where their noise is: easy to learn in a few epochs."""
    rng = np.random.default_rng(0)
    for genre in genres:
        (folder / genre).mkdir(parents=True)
        low_hz, high_hz = GENRES_HZ[genre]
        for number in range(tracks):
            spectrum = np.fft.rfft(rng.normal(size=2 * 22_050))
            hertz = np.fft.rfftfreq(2 * 22_050, 1 / 22_050)
            spectrum[(hertz < low_hz) | (hertz > high_hz)] *= 0.01
            sound = np.fft.irfft(spectrum)
            soundfile.write(folder / genre / f"{number}.wav", 0.5 * sound / np.abs(sound).max(), 22_050)
    return folder


def config(source: Path, output: Path, **changes: object) -> TrainConfig:
    settings = TrainConfig(
        source=str(source),
        output=str(output),
        name="small",
        architecture=ShortCnnSettings(channels=4, dropout=0.0),
        front_end=LogMelFrontEnd(n_mels=32, segment_frames=32, segment_hop_frames=32),
        optimisation=Optimisation(epochs=12, batch_size=4, learning_rate=0.01),
        folds=2,
        repeats=2,
        target_precision=0.5,
        card={"not for": "music"},
    )
    return settings.model_copy(update=changes)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesise(tmp_path_factory.mktemp("corpus"))


def test_the_bundle_trained_scores_and_says_how_it_was_made(corpus: Path, tmp_path: Path) -> None:
    (corpus / "bass" / "bad.wav").write_bytes(b"RIFF")
    report = train(config(corpus, tmp_path / "bundle"))
    (corpus / "bass" / "bad.wav").unlink()
    assert report.tracks == 18
    assert sum(report.skipped.values()) == 1
    assert report.genres == ["bass", "hiss", "lead"]
    assert len(report.figures.fold_accuracies) == 4
    assert np.sum(report.figures.confusion_matrix) == 36
    assert report.figures.accuracy_mean > 0.6

    manifest = load_bundle(str(tmp_path / "bundle")).manifest
    assert manifest.metrics["accuracy_mean"] == pytest.approx(report.figures.accuracy_mean)
    assert manifest.training["split digest"] == report.split_digest
    assert len(manifest.trained_on) == 18
    card = (tmp_path / "bundle" / "README.md").read_text()
    assert "artists never on both sides" in card
    assert "music" in card

    on_training_data = evaluate(str(tmp_path / "bundle"), str(corpus))
    assert on_training_data.trained_on_this_data
    assert on_training_data.metrics.accuracy > 0.8


def test_the_same_settings_give_the_same_bundle(corpus: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    quick = {"repeats": 1, "cache": cache, "optimisation": Optimisation(epochs=1, batch_size=4)}
    first, again = (train(config(corpus, tmp_path / name, **quick)) for name in ("first", "again"))
    assert first.fingerprint == again.fingerprint
    assert first.figures == again.figures
    assert train(config(corpus, tmp_path / "other", **quick, seed=7)).fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("genres", "tracks", "changes", "message"),
    [
        (("bass",), 3, {}, "only the genre 'bass'"),
        (("bass", "hiss"), 3, {"folds": 4}, "too few for 4 folds"),
        (("bass", "hiss"), 3, {"front_end": LogMelFrontEnd(mean=[0.0] * 128, std=[1.0] * 128)}, "are learned"),
        (("bass", "hiss"), 3, {"front_end": LogMelFrontEnd(n_mels=8, segment_frames=32)}, "at least 16 bands"),
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
        (tmp_path / "corpus" / genre / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(UsageError, match="can be read"):
        train(config(tmp_path / "corpus", tmp_path / "bundle"))
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]
