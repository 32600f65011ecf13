"""Which values a setting takes, in words."""

from typing import Literal

import pytest
from pydantic import BaseModel, Field

from genre_batch.settings.json_schema import Schema
from genre_batch.settings.values import allowed_values
from genre_batch.training.train_config import TrainConfig


class Group(BaseModel):
    """A group of settings."""

    a: int = 1
    b: int = 2


class Many(BaseModel):
    """One setting of each kind."""

    count: int = Field(gt=0)
    share: float = Field(default=0.25, ge=0, le=1)
    open_share: float | None = Field(default=None, gt=0, lt=1)
    most: int = Field(default=5_000, le=100_000)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    single: Literal["one"] = "one"
    flag: bool = False
    words: list[str] = Field(default_factory=list)
    facts: dict[str, str] = Field(default_factory=dict)
    group: Group = Group()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("count", "a whole number above 0"),
        ("share", "a number from 0 to 1 (default 0.25)"),
        ("open_share", "a number above 0 and below 1, or null (default null)"),
        ("most", "a whole number of at most 100,000 (default 5000)"),
        ("device", "auto, cpu or cuda (default auto)"),
        ("single", "one (default one)"),
        ("flag", "true or false (default false)"),
        ("words", "a list"),
        ("facts", "keys with values"),
        ("group", "a group of keys: a, b"),
    ],
)
def test_kind_limits_and_default_are_said(name: str, words: str) -> None:
    schema = Schema(Many)
    node = schema.find((name,))
    assert node is not None
    assert allowed_values(schema, node) == words


def test_a_union_of_groups_is_named_by_what_tells_them_apart() -> None:
    schema = Schema(TrainConfig)
    node = schema.find(("architecture",))
    assert node is not None
    words = allowed_values(schema, node)
    assert words.startswith("a group of keys with `name`: mel_cnn, short_cnn, ")
    assert words.endswith(" or gaussian_neighbours")
