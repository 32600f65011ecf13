"""Settings that would do nothing, or not what they say, are refused with the key at fault."""

import pytest

from genre_batch.config import load
from genre_batch.errors import UsageError
from genre_batch.training.train_config import TrainConfig

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
        ([*NETWORK, "training_window.length_s=60.0", "split=segment_random"], "does not go with"),
        ([*NETWORK, "target_precision=1.0"], "target_precision"),
        ([*NETWORK, "architecture={name: onnx}"], "architecture"),
        ([*NETWORK, "split=segment"], "split"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load(TrainConfig, None, settings)
