"""The page of an evaluation: what its figures show, and that every metric and name is on it."""

from collections import Counter

import numpy as np
import pytest
from page_checks import read_page
from small_bundle import MANIFEST

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.track import Track
from genre_batch.evaluation.bundle_answers import BundleAnswers
from genre_batch.evaluation.metrics import METRICS, ReliabilityBin
from genre_batch.evaluation.report import EvaluationReport, report_on
from genre_batch.model.bundle import Bundle
from genre_batch.model.scores import Calibration, Taxonomy
from genre_batch.reports.evaluation_page import confusion_figure, curves_figure, evaluation_page, reliability_figure


def test_the_matrix_numbers_its_cells_and_colours_them_by_share_of_the_true_genre() -> None:
    (axes,) = confusion_figure([[3, 1], [0, 4]], ["blues", "$R&B$"]).axes
    assert [(text.get_position(), text.get_text()) for text in axes.texts] == [
        ((0, 0), "3"),
        ((1, 0), "1"),
        ((1, 1), "4"),
    ]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["blues", "$R&B$"]
    strength = {patch.get_xy(): patch.get_alpha() for patch in axes.patches}
    assert {place: alpha / strength[0.5, 0.5] for place, alpha in strength.items()} == {
        (-0.5, -0.5): 0.75,
        (0.5, -0.5): 0.25,
        (0.5, 0.5): 1.0,
    }
    assert axes.get_ylabel() == "true genre"


def test_a_genre_without_tracks_and_very_many_genres_are_drawn() -> None:
    confusion_figure([[0, 0], [1, 2]], ["a", "b"]).canvas.draw()
    many = confusion_figure([[1] * 60] * 60, [f"genre {number}" for number in range(60)])
    assert not many.axes[0].texts
    many.canvas.draw()


def test_the_diagram_shows_both_calibrations_and_the_number_of_tracks() -> None:
    before = [ReliabilityBin(tracks=4, confidence=0.9, accuracy=0.5)]
    after = [
        ReliabilityBin(tracks=3, confidence=0.45, accuracy=0.4),
        ReliabilityBin(tracks=1, confidence=0.7, accuracy=1.0),
    ]
    top, below = reliability_figure(before, after).axes
    lines = {line.get_label(): tuple(map(list, line.get_data())) for line in top.lines}
    assert lines["before calibration"] == ([0.9], [0.5])
    assert lines["after calibration"] == ([0.45, 0.7], [0.4, 1.0])
    assert [bar.get_height() for bar in below.patches] == [3, 1]


def test_curves_of_one_quantity_share_a_plot() -> None:
    curves = {
        "train_loss": [2.0, 1.0, 0.5],
        "held_out_epoch": [2.0, 4.0],
        "held_out_loss": [2.0, 1.5],
        "held_out_accuracy": [0.1, 0.2],
        "empty_loss": [],
    }
    loss, accuracy = curves_figure(curves).axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    assert [line.get_label() for line in loss.lines] == ["train", "held out"]
    assert [list(line.get_xdata()) for line in loss.lines] == [[1, 2, 3], [2, 4]]
    assert list(accuracy.lines[0].get_xdata()) == [2, 4]


def test_each_quantity_has_a_plot() -> None:
    figure = curves_figure({"loss": [1.0], "accuracy": [0.5], "learning_rate": [0.1]})
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy", "rate"]
    assert figure.axes[0].lines[0].get_label() == "loss"


GENRES = ["blues", "<script>alert(1)</script>", "$\\frac\x07$"]
KEY = "s3://music/<b>\x1b[0m & Été.mp3"


def make_report(*, leaky: bool = False, curves: dict[str, list[float]] | None = None) -> EvaluationReport:
    manifest = MANIFEST.model_copy(
        update={
            "taxonomy": Taxonomy(genres=GENRES),
            "calibration": Calibration(temperature=2.0),
            "thresholds": {"blues": 0.7},
            "leaky": leaky,
            "curves": curves or {},
        }
    )
    logits = np.array([[4, 0, 0], [0, 4, 0], [0, 2, 5], [6, 0, 0], [1, 0, 0]], np.float32)
    tracks = [
        LabelledTrack(Track(KEY if n == 3 else f"{n}", f"s3://music/{n}", "e", 1), "", f"artist:{n}") for n in range(5)
    ]
    bundle = Bundle("bundle", manifest, {"model.safetensors": b""})
    known = np.array([leaky, False, False, False, False])
    answers = BundleAnswers(
        tracks, logits, np.arange(5, dtype=np.int32), np.array([0, 1, 2, 1, 0]), known, Counter(empty=1)
    )
    return report_on(answers, bundle, "/corpus", listed=6)


def test_it_shows_every_metric_and_escapes_every_name() -> None:
    report = make_report()
    page = read_page(evaluation_page(report))
    assert page.title == f"{report.model_id} on /corpus"
    assert len(page.drawings) == 2
    for metric in METRICS:
        assert metric.title in page.text
        assert metric.text(getattr(report.metrics, metric.name)) in page.text
    assert f"before calibration: {report.ece_before:.3f}" in page.text
    assert "5 of 6 labelled tracks could be scored; rejected: 1 empty" in page.text
    assert "<script>alert(1)</script>" in page.text
    assert "$\\frac\\x07$" in page.text
    assert "s3://music/<b>\\x1b[0m & Été.mp3" in page.text
    assert "Read these figures with care" not in page.text
    assert "taxonomy map" not in page.text
    relabelled = read_page(evaluation_page(report.model_copy(update={"taxonomy": "<map>.csv"})))
    assert "Labels of the taxonomy map <map>.csv, not those of the model" in relabelled.text
    shown = [each.text(metric.text) for metric in METRICS if (each := report.intervals.get(metric.name))]
    assert len(shown) == len(METRICS) - 2
    assert all(text in page.text for text in shown)
    assert page.text.count("too few to tell") > len(GENRES)


def test_it_warns_of_figures_that_are_not_honest() -> None:
    page = read_page(evaluation_page(make_report(leaky=True)))
    assert "this bundle was trained on 1 of 5 tracks" in page.text
    assert "leaky" in page.text


@pytest.mark.parametrize(
    ("curves", "pictures"), [({"train_loss": []}, 2), ({"held_out_epoch": [1.0]}, 2), ({"train_loss": [2.0, 1.0]}, 3)]
)
def test_learning_curves_are_drawn_if_there_are_any(curves: dict[str, list[float]], pictures: int) -> None:
    assert len(read_page(evaluation_page(make_report(curves=curves))).drawings) == pictures
