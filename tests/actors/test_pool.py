"""Sizes of pools."""

import pytest
from pydantic import ValidationError

from genre_batch.actors.extract import ExtractPool
from genre_batch.actors.pool import Pool
from genre_batch.actors.predict import PredictPool
from genre_batch.config import ScoreConfig, load
from genre_batch.errors import UsageError


@pytest.mark.parametrize("kind", [ExtractPool, PredictPool])
def test_the_least_is_not_more_than_the_most(kind: type[Pool]) -> None:
    assert kind(min_size=3, max_size=3).max_size == 3
    assert kind(min_size=300).max_size is None
    with pytest.raises(ValidationError):
        kind(min_size=3, max_size=2)


@pytest.mark.parametrize("pool", ["extract", "predict"])
def test_sizes_that_contradict_each_other_are_told_with_their_place(pool: str) -> None:
    changes = [f"{pool}.min_size=3", f"{pool}.max_size=2"]
    with pytest.raises(UsageError, match=rf"{pool}: min_size=3 is more than max_size=2"):
        load(ScoreConfig, None, changes, {"source": "/in", "output": "/out"})
