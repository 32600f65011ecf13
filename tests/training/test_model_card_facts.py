"""The card says how the figures were made, in words that fit the split."""

import numpy as np
import pytest

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.track import Track
from genre_batch.model.architecture import ForestSettings, ShortCnnSettings
from genre_batch.training.corpus import TrainingCorpus
from genre_batch.training.dataset import Example
from genre_batch.training.fit import Optimisation
from genre_batch.training.model_card_facts import card_facts
from genre_batch.training.splits import Split
from genre_batch.training.train_config import TrainConfig

CORPUS = TrainingCorpus(
    [
        Example(LabelledTrack(Track(str(n), f"/{n}", "e", 1), genre, "artist:a"), np.zeros((1, 1, 1), np.float32), "s")
        for n, genre in enumerate(("jazz", "blues", "jazz"))
    ],
    ["blues", "jazz"],
    np.array([1, 0, 1]),
    {"empty": 1, "corrupt": 2},
)


def facts(split: Split, **settings: object) -> dict[str, str]:
    config = TrainConfig(source="m", output="o", name="small", architecture=ForestSettings(), split=split)
    return card_facts(config.model_copy(update=settings), CORPUS, "digest")


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("artist", "artists never on both sides (1 artists)"),
        ("track", "tracks of one artist may be on both sides"),
        ("segment_random", "LEAKY"),
        ("listed", "learned from the train list alone"),
    ],
)
def test_the_split_is_told(split: Split, words: str) -> None:
    told = facts(split)
    assert words in told["figures"]
    assert told["split digest"] == "digest"
    assert told["segments" if split == "segment_random" else "tracks"] == "3: blues 1, jazz 2"
    assert told["tracks skipped"] == "corrupt 2, empty 1"


def test_settings_are_told_where_there_are_any() -> None:
    assert {"optimisation", "target precision"} & set(facts("artist")) == set()
    network = {"architecture": ShortCnnSettings(), "optimisation": Optimisation(epochs=7), "target_precision": 0.8}
    told = facts("artist", **network)
    assert '"epochs":7' in told["optimisation"]
    assert "0.8 of the answers of each genre" in told["target precision"]
