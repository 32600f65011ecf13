"""The report of a bundle: its metrics, what makes them dishonest, and its most confident mistakes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from front_end_here import without_sandboxes
from small_bundle import write_small_bundle

from genre_batch.catalog.corpora import read_corpus
from genre_batch.errors import UsageError
from genre_batch.evaluation.bundle_answers import answer_tracks
from genre_batch.evaluation.metrics import METRICS, expected_calibration_error, log_loss
from genre_batch.evaluation.report import evaluate
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.track_segments import extract_segments
from genre_batch.model.bundle import load_bundle, sha256_hex
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.networks.settings import ShortCnnSettings
from genre_batch.model.predictor import Predictor
from genre_batch.model.scores import Calibration, Taxonomy, softmax

GENRES_REPORT = ["blues", "jazz"]
TEMPERATURE = 9.0


@pytest.fixture(autouse=True)
def _without_sandboxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`test_bundle_answers.py` has answers from a sandbox."""
    without_sandboxes(monkeypatch)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for genre in GENRES_REPORT:
        (tmp_path / "corpus" / genre).mkdir(parents=True)
        for number in range(3):
            sound = rng.normal(0.0, 0.1 * (1 + number), 3 * 22_050)
            soundfile.write(tmp_path / "corpus" / genre / f"{number}.flac", np.cumsum(sound) % 1 - 0.5, 22_050)
    return tmp_path / "corpus"


def bundle(folder: Path, trained_on: list[str], thresholds: dict[str, float], *, leaky: bool = False) -> str:
    manifest = BundleManifest(
        name="small",
        architecture=ShortCnnSettings(channels=2),
        front_end=LogMelFrontEnd(n_mels=16, segment_frames=32, segment_hop_frames=16),
        taxonomy=Taxonomy(genres=GENRES_REPORT),
        calibration=Calibration(temperature=TEMPERATURE),
        thresholds=thresholds,
        trained_on=trained_on,
        leaky=leaky,
        curves={"train_loss": [1.0, 0.5]},
    )
    write_small_bundle(folder, manifest)
    return str(folder)


def test_the_figures_are_those_of_the_pooled_calibrated_answers(corpus: Path, tmp_path: Path) -> None:
    uri = bundle(tmp_path / "bundle", [], {})
    loaded = load_bundle(uri)
    predictor = Predictor(loaded, device="cpu")
    right, plain = [], []
    for label, genre in enumerate(GENRES_REPORT):
        for path in sorted((corpus / genre).iterdir()):
            with path.open("rb") as stream:
                track = extract_segments(stream, path.stat().st_size, path.name, loaded.manifest.front_end)
            right.append(softmax(predictor.logits(track.segments), TEMPERATURE).mean(axis=0).argmax() == label)
            plain.append(softmax(predictor.logits(track.segments)).mean(axis=0))
    report = evaluate(uri, str(corpus))
    assert report.metrics.tracks == report.listed == 6
    assert report.metrics.accuracy == pytest.approx(np.mean(right))
    assert report.accuracy_interval.mean == report.metrics.accuracy
    assert report.macro_f1_interval.mean == report.metrics.macro_f1
    assert report.groups == 6
    named = {metric.name for metric in METRICS} - {"accuracy", "macro_f1"}
    assert set(report.intervals) == named | {"answered", "answered_accuracy", "ece_before", "log_loss_before"}
    for name in named:
        assert report.intervals[name].mean == pytest.approx(getattr(report.metrics, name), abs=1e-6)
    assert report.intervals["ece_before"].mean == pytest.approx(report.ece_before)
    assert report.intervals["log_loss_before"].mean == pytest.approx(report.log_loss_before)
    labels = np.repeat([0, 1], 3)
    assert report.ece_before == pytest.approx(expected_calibration_error(np.stack(plain), labels), abs=1e-5)
    assert report.log_loss_before == pytest.approx(log_loss(np.stack(plain), labels), abs=1e-5)
    assert (report.ece_after, report.temperature) == (report.metrics.expected_calibration_error, TEMPERATURE)
    assert len(report.worst_mistakes) == 6 - sum(right)
    assert report.curves == {"train_loss": [1.0, 0.5]}
    assert (report.trained_on_this_data, report.leaky, report.note, report.answered) == (False, False, None, 1.0)
    lines = report.summary().splitlines()
    for metric, line in zip(METRICS, lines[1:], strict=False):
        assert line.split(metric.title)[1].split()[0] == metric.text(getattr(report.metrics, metric.name))
    assert json.loads(report.model_dump_json())["metrics"]["confusion_matrix"] == report.metrics.confusion_matrix


def test_a_least_in_scope_leaves_noise_unanswered(tmp_path: Path) -> None:
    for number, genre in enumerate(("metal", "rock")):
        noise = np.random.default_rng(number).normal(0.0, 0.1, 6 * 22_050)
        (tmp_path / genre).mkdir()
        soundfile.write(tmp_path / genre / "noise.flac", noise, 22_050)
    plain, strict = (evaluate("default", str(tmp_path), min_in_scope=least) for least in (None, 0.05))
    assert (plain.answered, strict.answered, strict.answered_accuracy) == (1.0, 0.0, None)
    assert [each.answered for each in strict.answers_by_genre.values()].count(0.0) == 2
    assert strict.metrics == plain.metrics
    assert strict.fingerprint != plain.fingerprint


def test_a_corpus_with_other_genres_is_mapped(corpus: Path, tmp_path: Path) -> None:
    first, second = GENRES_REPORT
    (corpus / first).rename(corpus / "Other Name")
    (tmp_path / "map.yaml").write_text(f"Other Name: {first}\n{second}: null\n")
    report = evaluate(bundle(tmp_path / "bundle", [], {}), str(corpus), genre_map=str(tmp_path / "map.yaml"))
    assert (report.listed, report.left_out, report.metrics.tracks) == (3, 3, 3)
    assert report.intervals_by_genre[first].tracks == 3
    assert "3 tracks left out by the map of genres" in report.summary()
    assert report.intervals_by_genre[first].text().endswith("too few artists to tell")


def map_file(folder: Path, text: str) -> str:
    (folder / "map.csv").write_text(text)
    return str(folder / "map.csv")


def test_other_labels_are_measured_by_the_sums_of_probabilities(corpus: Path, tmp_path: Path) -> None:
    genres, temperature = ["blues", "jazz", "rock"], 1.0
    manifest = BundleManifest(
        name="small",
        architecture=ShortCnnSettings(channels=2),
        front_end=LogMelFrontEnd(n_mels=16, segment_frames=32, segment_hop_frames=16),
        taxonomy=Taxonomy(genres=genres),
        calibration=Calibration(temperature=temperature),
        thresholds={"blues": 1.0, "rock": 1.0},
    )
    write_small_bundle(tmp_path / "bundle", manifest)
    (corpus / "loud").mkdir()
    (corpus / "jazz" / "0.flac").rename(corpus / "loud" / "0.flac")  # a new label, which the model does not know
    tracks = read_corpus(str(corpus))
    text = "label,mapped,parent\nblues,soul,old\njazz,loud,\nrock,loud,\n"
    report = evaluate(str(tmp_path / "bundle"), str(corpus), taxonomy=map_file(tmp_path, text))
    new = {"blues": "soul", "jazz": "loud", "loud": "loud"}
    own = answer_tracks([replace(track, genre="jazz") for track in tracks], load_bundle(str(tmp_path / "bundle")))
    of_model = own.probabilities(temperature)
    summed = np.stack([of_model[:, 0], of_model[:, 1] + of_model[:, 2]], axis=1)
    labels = np.array([["soul", "loud"].index(new[track.genre]) for track in tracks])
    assert report.metrics.genres == ["soul", "loud"]
    assert report.metrics.accuracy == pytest.approx(np.mean(summed.argmax(axis=1) == labels))
    assert report.metrics.log_loss == pytest.approx(log_loss(summed, labels), abs=1e-5)
    assert report.taxonomy == str(tmp_path / "map.csv")
    # the model abstains by its own genres, as in a publication
    assert report.answered == pytest.approx(np.mean(of_model.argmax(axis=1) == 1))
    assert {name: genre.threshold for name, genre in report.answers_by_genre.items()} == {"soul": None, "loud": None}
    assert f"2 labels of the taxonomy map {report.taxonomy}" in report.summary()
    broader = evaluate(str(tmp_path / "bundle"), str(corpus), taxonomy=report.taxonomy, parents=True)
    assert broader.metrics.genres == ["old", "loud"]
    assert broader.metrics.confusion_matrix == report.metrics.confusion_matrix


def test_a_taxonomy_map_that_does_not_fit_is_refused(corpus: Path, tmp_path: Path) -> None:
    uri = bundle(tmp_path / "bundle", [], {})
    with pytest.raises(UsageError, match="no line for 'jazz'"):
        evaluate(uri, str(corpus), taxonomy=map_file(tmp_path, "label,mapped\nblues,soul\n"))
    with pytest.raises(UsageError, match="one label of all genres: 'any'"):
        evaluate(uri, str(corpus), taxonomy=map_file(tmp_path, "label,mapped\nblues,any\njazz,any\n"))
    (corpus / "jazz").rename(corpus / "polka")
    with pytest.raises(UsageError, match="does not know the genre 'polka'"):
        evaluate(uri, str(corpus), taxonomy=map_file(tmp_path, "label,mapped\nblues,soul\njazz,jazz\n"))
    with pytest.raises(UsageError, match="parents=true needs a taxonomy map"):
        evaluate(uri, str(corpus), parents=True)


def test_a_corpus_may_be_mapped_to_new_labels(corpus: Path, tmp_path: Path) -> None:
    (corpus / "jazz").rename(corpus / "Other Name")
    (tmp_path / "map.yaml").write_text("Other Name: cool\n")
    taxonomy = map_file(tmp_path, "label,mapped\nblues,soul\njazz,cool\n")
    uri = bundle(tmp_path / "bundle", [], {})
    report = evaluate(uri, str(corpus), genre_map=str(tmp_path / "map.yaml"), taxonomy=taxonomy)
    assert {name: genre.tracks for name, genre in report.metrics.per_genre.items()} == {"soul": 3, "cool": 3}


def test_overlap_with_the_training_data_is_noted(corpus: Path, tmp_path: Path) -> None:
    known = [sha256_hex((corpus / "jazz" / name).read_bytes())[:16] for name in ("0.flac", "2.flac")]
    report = evaluate(bundle(tmp_path / "bundle", known, {}), str(corpus))
    assert report.trained_on_this_data
    assert report.note is not None
    assert "trained on 2 of 6 tracks" in report.note
    assert report.note in report.summary()


def test_leaky_figures_of_the_bundle_are_noted(corpus: Path, tmp_path: Path) -> None:
    report = evaluate(bundle(tmp_path / "bundle", [], {}, leaky=True), str(corpus))
    assert report.leaky
    assert "leaky" in report.summary().splitlines()[-1]


def test_bad_tracks_are_counted_and_left_out(corpus: Path, tmp_path: Path) -> None:
    (corpus / "jazz" / "empty.flac").touch()
    (corpus / "jazz" / "cut.flac").write_bytes((corpus / "jazz" / "0.flac").read_bytes()[:2000])
    report = evaluate(bundle(tmp_path / "bundle", [], {}), str(corpus))
    assert (report.listed, report.metrics.tracks, report.rejected) == (8, 6, 2)
    assert sum(report.rejects.values()) == 2
    assert report.rejects["empty"] == 1


def test_abstentions_are_counted_apart(corpus: Path, tmp_path: Path) -> None:
    report = evaluate(bundle(tmp_path / "bundle", [], dict.fromkeys(GENRES_REPORT, 1.0)), str(corpus))
    assert report.answered == 0.0
    assert report.answered_accuracy is None
    assert "answered_accuracy" not in report.intervals
    assert [line.split()[0] for line in report.summary().splitlines()[9:11]] == ["answered", "right"]
    assert report.metrics.tracks == 6
    assert [(genre.threshold, genre.given, genre.answered) for genre in report.answers_by_genre.values()] == [
        (1, 0, 0)
    ] * 2


def test_labels_unknown_to_the_bundle_are_refused(corpus: Path, tmp_path: Path) -> None:
    (corpus / "jazz").rename(corpus / "polka")
    with pytest.raises(UsageError, match="does not know the genre 'polka'"):
        evaluate(bundle(tmp_path / "bundle", [], {}), str(corpus))


def test_a_corpus_without_a_readable_track_is_refused(tmp_path: Path) -> None:
    for genre in GENRES_REPORT:
        (tmp_path / "corpus" / genre).mkdir(parents=True)
        (tmp_path / "corpus" / genre / "empty.wav").touch()
    with pytest.raises(UsageError, match="can be scored"):
        evaluate(bundle(tmp_path / "bundle", [], {}), str(tmp_path / "corpus"))
