"""The recipes that come with the package."""

from pathlib import Path

import pytest
import yaml

from genre_batch.errors import UsageError
from genre_batch.training.recipe_files import DEFAULT_RECIPE, recipe_file, recipe_names, recipe_summary


def test_the_recipes_are_the_files_of_the_checkout() -> None:
    folder = Path(__file__).parents[2] / "configs" / "train"
    assert recipe_names() == sorted(path.stem for path in folder.glob("*.yaml"))
    assert recipe_file("short_cnn") == folder / "short_cnn.yaml"


@pytest.mark.parametrize("name", ["", "nothing", "../train/short_cnn", "short_cnn.yaml"])
def test_only_names_of_recipes_are_files(name: str) -> None:
    with pytest.raises(UsageError, match="no recipe"):
        recipe_file(name)


@pytest.mark.parametrize("name", recipe_names())
def test_each_has_one_sentence_about_it(name: str) -> None:
    summary = recipe_summary(name)
    assert 20 < len(summary) < 140
    assert summary.isprintable()
    assert "Source:" not in summary


def test_the_shipped_default_is_made_as_users_make_theirs() -> None:
    ours, theirs = (yaml.safe_load(recipe_file(name).read_text("utf-8")) for name in ("default", DEFAULT_RECIPE))
    assert (ours.pop("name"), theirs.pop("name")) == ("gtzan-musicnn", "musicnn")
    assert ours.pop("card")
    assert ours == theirs


def test_the_default_is_one_of_them() -> None:
    assert recipe_summary(DEFAULT_RECIPE).startswith("The default recipe: ")
