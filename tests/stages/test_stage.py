"""Sizes of pools."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from threadpoolctl import threadpool_info

from genre_batch.catalog.reject import RejectStage
from genre_batch.config import ScoreConfig, load
from genre_batch.errors import UsageError
from genre_batch.stages.predict import PredictPool
from genre_batch.stages.stage import ExtractPool, PoolSize, Stage, limit_threads


@pytest.mark.parametrize("kind", [ExtractPool, PredictPool])
def test_the_least_is_not_more_than_the_most(kind: type[PoolSize]) -> None:
    assert kind(min_size=3, max_size=3).max_size == 3
    assert kind(min_size=300).max_size is None
    with pytest.raises(ValidationError):
        kind(min_size=3, max_size=2)


@pytest.mark.parametrize("pool", ["extract", "predict"])
def test_sizes_that_contradict_each_other_are_reported_with_their_setting(pool: str) -> None:
    changes = [f"{pool}.min_size=3", f"{pool}.max_size=2"]
    with pytest.raises(UsageError, match=rf"{pool}: min_size=3 is more than max_size=2"):
        load(ScoreConfig, None, changes, {"source": "/in", "output": "/out"})


def test_all_loaded_libraries_get_one_thread() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    np.linalg.norm(np.ones((4, 4)) @ np.ones((4, 4)))
    try:
        limit_threads()
        assert torch.get_num_threads() == 1
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    finally:
        torch.set_num_threads(before)


def test_a_deadline_grows_with_the_batch_and_slowly_with_a_very_large_one() -> None:
    stage = Stage("extract", object, (), PoolSize(), RejectStage.DECODE, call_s=60.0, track_s=120.0)
    assert [stage.deadline_s(tracks) for tracks in (1, 7, 32, 256)] == [180.0, 900.0, 3_900.0, 6_140.0]
