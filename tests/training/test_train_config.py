"""Settings that would have no effect, or another one, are refused with their key."""

import pytest

from genre_batch.config import load
from genre_batch.errors import UsageError
from genre_batch.training.figures import HeldOutFigures
from genre_batch.training.splits import Split
from genre_batch.training.train_config import TrainConfig, TrainReport

PLACES = ["source=music", "output=out", "name=small"]
NETWORK = [*PLACES, "architecture={name: short_cnn}"]
FOREST = [*PLACES, "architecture={name: forest}", "front_end={name: descriptors}"]


def test_what_is_given_is_kept_and_the_rest_has_defaults() -> None:
    config = load(TrainConfig, None, [*FOREST, "split=listed", "split_files={train: a, valid: b, test: c}"])
    assert (config.architecture.name, config.split, config.optimisation) == ("forest", "listed", None)
    assert config.split_files is not None
    assert config.split_files.valid == "b"
    assert load(TrainConfig, None, NETWORK).split == "artist"


def test_segments_at_random_are_leaky() -> None:
    assert load(TrainConfig, None, [*NETWORK, "split=segment_random"]).leaky
    assert not load(TrainConfig, None, [*NETWORK, "split=track"]).leaky


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ([*FOREST, "optimisation.epochs=1"], "optimisation is for networks; forest is fitted in one step"),
        ([*FOREST, "training_window.length_s=60.0"], "training_window is for networks"),
        ([*NETWORK, "split_files={train: a, valid: b, test: c}"], "split_files needs split: listed"),
        ([*NETWORK, "training_window.length_s=60.0", "split=segment_random"], "cannot be combined"),
        ([*NETWORK, "target_precision=1.0"], "target_precision"),
        ([*NETWORK, "architecture={name: onnx}"], "architecture"),
        ([*NETWORK, "split=segment"], "split"),
        ([*FOREST, "pooling=loud_logits"], "loud_logits needs the front end log_mel"),
    ],
)
def test_settings_that_have_no_effect_are_refused(settings: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load(TrainConfig, None, settings)


FIGURES = HeldOutFigures(
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
    thresholds_at={},
    answered=1.0,
    answered_accuracy=0.5,
    answered_at={},
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
    assert "on unseen artists: accuracy 0.500 (95 % interval over folds: 0.400 to 0.600)" in summary
    assert "4 tracks of 2 genres, 2 skipped; 3.2 s" in summary
    assert "calibration error 0.200 -> 0.100" in summary
    assert "5 in no list" in report("listed", 5).summary()


@pytest.mark.parametrize("split", ["artist", "track", "listed", "segment_random"])
def test_leaky_figures_are_called_so(split: Split) -> None:
    assert ("LEAKY" in report(split).summary()) == (split == "segment_random")
