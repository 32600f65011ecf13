"""The verbs about models: which recipe is taken, and what users read if something lacks."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from genre_batch.cli.app import app
from genre_batch.errors import UsageError
from genre_batch.training import trainer
from genre_batch.training.train_config import TrainConfig


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[TrainConfig]:
    """The settings that a training would start with."""
    settings: list[TrainConfig] = []

    def note(config: TrainConfig, extract: object) -> None:
        settings.append(config)
        raise UsageError("this test trains nothing")

    monkeypatch.setattr(trainer, "train", note)
    return settings


def train(*words: str) -> Result:
    return CliRunner().invoke(app, ["train", *words])


def test_without_a_recipe_it_is_the_default_one_and_that_is_said(trained: list[TrainConfig]) -> None:
    done = train("music", "bundle", "--set", "folds=3")
    assert (trained[0].name, trained[0].architecture.name, trained[0].folds) == ("musicnn", "trunk", 3)
    assert "recipe musicnn, the default; `genre-batch recipes` lists the others" in done.stderr


@pytest.mark.parametrize("as_file", [False, True])
def test_a_recipe_is_a_name_or_a_file(as_file: bool, trained: list[TrainConfig], tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\narchitecture: {name: neighbours, k: 3}\nfront_end: {name: descriptors}\n")
    done = train("music", "bundle", "--recipe", str(file) if as_file else "descriptor_knn")
    assert trained[0].architecture.name == "neighbours"
    assert trained[0].name == ("mine" if as_file else "descriptor-knn")
    assert "the default" not in done.stderr


def test_a_config_file_goes_on_top_of_a_recipe(trained: list[TrainConfig], tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text("source: music\noutput: bundle\nname: ours\nseed: 7\n")
    train("--recipe", "descriptor_svm", "--config", str(tmp_path / "train.yaml"))
    assert (trained[0].name, trained[0].seed, trained[0].architecture.name) == ("ours", 7, "svm")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "LABELLED and OUTPUT are missing"),
        (["--set", "architecture.name=svm"], "LABELLED, OUTPUT and --recipe NAME are missing"),
        (["music", "bundle", "--recipe", "nothing"], "there is no recipe 'nothing'"),
    ],
)
def test_what_lacks_is_said_in_the_words_of_the_help(
    words: Sequence[str], message: str, trained: list[TrainConfig]
) -> None:
    done = train(*words)
    assert done.exit_code == 2
    assert f"error: {message}\n" in done.stderr
    assert trained == []


def test_a_config_file_without_a_recipe_gets_a_hint_about_recipes(trained: list[TrainConfig], tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text("seed: 7\n")
    done = train("music", "bundle", "--config", str(tmp_path / "train.yaml"))
    assert "error: --recipe NAME is missing\n" in done.stderr


def test_recipes_are_listed() -> None:
    done = CliRunner().invoke(app, ["recipes"])
    assert done.exit_code == 0
    assert "mel_cnn  " in done.stdout


def test_adopt_names_its_arguments_and_the_settings_that_only_a_file_can_give() -> None:
    done = CliRunner().invoke(app, ["adopt"])
    assert done.exit_code == 2
    missing = "MODEL and OUTPUT are missing; name: is required; architecture: is required; front_end: is required"
    assert f"error: invalid configuration: {missing}\n" in done.stderr
