from pathlib import Path

import pytest
from small_bundle import write_small_bundle

from genre_batch.errors import UsageError
from genre_batch.features.descriptor_columns import COLUMNS
from genre_batch.run.recipes import descriptors_of, recipe_file, recipe_names


def test_the_recipes_are_the_files_of_the_checkout() -> None:
    folder = Path(__file__).parents[2] / "configs" / "train"
    assert recipe_names() == sorted(path.stem for path in folder.glob("*.yaml"))
    assert recipe_file("short_cnn") == folder / "short_cnn.yaml"


@pytest.mark.parametrize("name", ["", "nothing", "../train/short_cnn", "short_cnn.yaml"])
def test_only_names_of_recipes_are_files(name: str) -> None:
    with pytest.raises(UsageError, match="no recipe"):
        recipe_file(name)


def test_descriptors_come_from_a_recipe_or_a_file(tmp_path: Path) -> None:
    name, front_end = descriptors_of("descriptor_mlp")
    assert name == "descriptor_mlp"
    assert tuple(front_end.columns) == COLUMNS
    own = tmp_path / "My Own.yaml"
    own.write_text("front_end: {name: descriptors, columns: [tempo], segment_s: 3.0}\n")
    name, front_end = descriptors_of(str(own))
    assert (name, front_end.columns, front_end.segment_s) == ("my-own", ["tempo"], 3.0)


def test_a_bundle_beside_needs_no_slash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_small_bundle(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="mine has no descriptors: its front end is log_mel"):
        descriptors_of("mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("front_end: {name: log_mel}\n", "has no descriptors"),
        ("front_end: {name: descriptors, columns: [nonsense]}\n", "no valid front_end"),
        ("name: x\n", "no valid front_end"),
        ("- 1\n", "no valid front_end"),
        ("{", "no valid front_end"),
    ],
)
def test_what_has_no_descriptors_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        descriptors_of(str(file))


@pytest.mark.parametrize("recipe", ["default", "/nowhere/at/all", "/nowhere.yaml"])
def test_bundles_and_files_without_descriptors_are_refused(recipe: str) -> None:
    with pytest.raises(UsageError):
        descriptors_of(recipe)
