"""The summary says what the figures are about, and shouts where they leak."""

import pytest

from genre_batch.training.figures import Figures
from genre_batch.training.splits import Split
from genre_batch.training.train_report import TrainReport

FIGURES = Figures(
    accuracy_mean=0.5,
    accuracy_sd=0.07,
    accuracy_low=0.4,
    accuracy_high=0.6,
    fold_accuracies=[0.45, 0.55],
    macro_f1=0.48,
    top_3_accuracy=0.9,
    log_loss_before=1.2,
    log_loss_after=1.1,
    ece_before=0.2,
    ece_after=0.1,
    temperature=1.5,
    thresholds={},
    answered=1.0,
    answered_accuracy=0.5,
    recall={"blues": 0.5, "jazz": 0.5},
    confusion_matrix=[[1, 1], [1, 1]],
)


def report(split: Split, left_out: int = 0) -> TrainReport:
    return TrainReport(
        bundle="/b",
        model_id="small-1234",
        fingerprint="1234",
        tracks=4,
        skipped={"empty": 2},
        left_out=left_out,
        genres=["blues", "jazz"],
        parameters=7,
        split=split,
        leaky=split == "segment_random",
        split_digest="d",
        figures=FIGURES,
        wall_s=3.2,
    )


def test_the_summary_has_the_figures_with_their_interval() -> None:
    summary = report("artist").summary()
    assert "on artists never heard: accuracy 0.500 (95 % interval 0.400 to 0.600)" in summary
    assert "4 tracks of 2 genres, 2 skipped; 3 s" in summary
    assert "calibration error 0.200 -> 0.100" in summary
    assert "5 in no list" in report("listed", 5).summary()


@pytest.mark.parametrize("split", ["artist", "track", "listed", "segment_random"])
def test_leaky_figures_are_called_so(split: Split) -> None:
    assert ("LEAKY" in report(split).summary()) == (split == "segment_random")
