"""The page of an evaluation shows the figures of its report."""

from collections import Counter

import numpy as np
import pytest
from page_checks import read_page
from small_bundle import MANIFEST

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.track import Track
from genre_batch.evaluation.answers import Answers
from genre_batch.evaluation.evaluation_page import evaluation_page
from genre_batch.evaluation.report import EvaluationReport, report_on
from genre_batch.model.bundle import Bundle
from genre_batch.model.calibration import Calibration
from genre_batch.model.taxonomy import Taxonomy

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
    answers = Answers(tracks, logits, np.arange(5, dtype=np.int32), np.array([0, 1, 2, 1, 0]), known, Counter(empty=1))
    return report_on(answers, bundle, "/corpus", listed=6)


def test_it_shows_the_figures_and_escapes_every_name() -> None:
    report = make_report()
    page = read_page(evaluation_page(report))
    assert page.title == f"{report.model_id} on /corpus"
    assert len(page.images) == 2
    figures = [report.metrics.accuracy, report.metrics.macro_f1, report.ece_before, report.ece_after]
    assert all(f"{figure:.3f}" in page.text for figure in figures)
    assert "5 of 6 labelled tracks could be scored; rejected: 1 empty" in page.text
    assert "<script>alert(1)</script>" in page.text
    assert "$\\frac\\x07$" in page.text
    assert "s3://music/<b>\\x1b[0m & Été.mp3" in page.text
    assert "Read these figures with care" not in page.text


def test_it_says_when_the_figures_are_not_honest() -> None:
    page = read_page(evaluation_page(make_report(leaky=True)))
    assert "1 of 5 tracks were in this bundle's training data" in page.text
    assert "leaky" in page.text


@pytest.mark.parametrize(
    ("curves", "pictures"), [({"train_loss": []}, 2), ({"held_out_epoch": [1.0]}, 2), ({"train_loss": [2.0, 1.0]}, 3)]
)
def test_learning_curves_are_drawn_where_there_are_some(curves: dict[str, list[float]], pictures: int) -> None:
    assert len(read_page(evaluation_page(make_report(curves=curves))).images) == pictures
