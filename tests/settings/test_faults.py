"""What a user reads about wrong settings, and the hint beside it."""

import pytest
from pydantic import BaseModel

from genre_batch.config import ScoreConfig, load
from genre_batch.errors import UsageError
from genre_batch.settings.faults import nearest
from genre_batch.training.recipe_files import recipe_file
from genre_batch.training.train_config import TrainConfig

TABLE = {"source": "/in", "output": "/out"}


def failure(kind: type[BaseModel], *overrides: str, recipe: str | None = None, **arguments: str) -> UsageError:
    with pytest.raises(UsageError) as error:
        load(kind, None, overrides, arguments, recipe=recipe)
    return error.value


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("num_gpus=1", "did you mean predict.num_gpus?"),
        ("predict.num_gpu=1", "did you mean predict.num_gpus?"),
        ("extract.maxsize=3", "did you mean extract.max_size?"),
        ("shard_trakcs=3", "did you mean shard_tracks?"),
        ("extract.max_denied_in_a_row=3", "did you mean max_denied_in_a_row?"),
        ("min_size=3", "did you mean extract.min_size or predict.min_size?"),
        ("extract.nonsense=3", "known keys: extract.min_size, extract.max_size, extract.num_cpus"),
        ("shard_tracks=0", "shard_tracks takes a whole number above 0, or null (default null)"),
        ("max_reject_rate=2", "max_reject_rate takes a number from 0 to 1 (default 0.25)"),
        ("predict.device=tpu", "predict.device takes auto, cpu or cuda (default auto)"),
        ("extract=3", "extract takes a group of keys: min_size, max_size, num_cpus"),
    ],
)
def test_the_hint_is_the_nearest_right_thing(override: str, hint: str) -> None:
    assert failure(ScoreConfig, override, **TABLE).hint == hint


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("architecture.widht=3", "architecture.widht: unknown key", "did you mean architecture.width?"),
        ("architecture.width=-1", "architecture.width: input should be greater than 0", "above 0 (default 0.5)"),
        ("architecture.name=svn", "architecture: unknown `name` 'svn'", "forest, svm, neighbours"),
        ("architecture.name=svm", "architecture.width: unknown key", "known keys: architecture.name, architecture.c, "),
        ("optimisation.epochs=3", "configuration: optimisation is for networks", "see configs/"),
    ],
)
def test_unions_and_faults_of_several_settings(override: str, message: str, hint: str) -> None:
    error = failure(TrainConfig, override, recipe=str(recipe_file("texture_kernel")), **TABLE)
    assert message in str(error)
    assert hint in error.hint


def test_without_a_name_on_the_command_line_a_missing_setting_has_its_own() -> None:
    error = failure(ScoreConfig, source="/in")
    assert (str(error), error.hint) == ("invalid configuration: output: is required", "output takes a text")


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("size", ["a.size", "b.size"]),
        ("a.sise", ["a.size"]),
        ("a.count", ["c.count"]),
        ("a.size", []),
        ("zebra", []),
    ],
)
def test_nearest(key: str, near: list[str]) -> None:
    assert nearest(key, ["a.size", "a.cost"], ["a.size", "a.cost", "b.size", "c.count"]) == near


def test_a_part_of_a_name_finds_it() -> None:
    keys = ["predict.min_size", "predict.num_gpus", "predict.device"]
    assert nearest("predict.gpus", keys, keys) == ["predict.num_gpus"]
