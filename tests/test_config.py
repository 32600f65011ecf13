"""Settings: files, arguments, overrides, and what a user reads when they are wrong."""

from pathlib import Path

import pytest
import yaml

from genre_batch.config import ScoreConfig, dump, load
from genre_batch.errors import UsageError

ARGUMENTS = {"source": "/in", "output": "s3://b/out"}


def test_arguments_win_over_the_file_and_overrides_over_both(tmp_path: Path) -> None:
    file = tmp_path / "score.yaml"
    file.write_text("source: a\noutput: /b\nshard_tracks: 7\nextract: {min_size: 2}\n")
    config = load(ScoreConfig, str(file), ["extract.max_size=4", "shard_tracks=9"], {"source": "c", "output": None})
    assert (config.source, config.output, config.shard_tracks) == (str(Path("c").absolute()), "/b", 9)
    assert (config.extract.min_size, config.extract.max_size) == (2, 4)


def test_a_dump_loads_to_the_same_settings(tmp_path: Path) -> None:
    config = load(ScoreConfig, None, ["predict.precision=bf16"], ARGUMENTS)
    file = tmp_path / "dump.yaml"
    file.write_text(dump(config))
    assert load(ScoreConfig, str(file)) == config
    assert yaml.safe_load(dump(config))["predict"]["precision"] == "bf16"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("shard_trakcs=3", "shard_trakcs: unknown key"),
        ("extract.maxsize=3", "extract.maxsize: unknown key"),
        ("shard_tracks=0", "shard_tracks: input should be greater than 0"),
        ("shard_tracks=many", "shard_tracks: input should be a valid integer"),
        ("predict.device=tpu", "predict.device: input should be 'auto', 'cpu' or 'cuda'"),
        ("shard_tracks", "is not of the form key=value"),
        ("source.x=1", "source is a value"),
        ("shard_tracks=[", "is not a YAML value"),
    ],
)
def test_a_wrong_setting_is_named_with_its_path(override: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        load(ScoreConfig, None, [override], ARGUMENTS)
    assert told in str(error.value)
    assert error.value.hint


def test_reasons_to_retry_are_known_ones_each_once() -> None:
    config = load(ScoreConfig, None, (), ARGUMENTS | {"retry": ["silent", "corrupt", "silent"]})
    assert [str(reason) for reason in config.retry] == ["corrupt", "silent"]
    assert load(ScoreConfig, None, ["retry=corrupt"], ARGUMENTS).retry == config.retry[:1]
    assert yaml.safe_load(dump(config))["retry"] == ["corrupt", "silent"]
    with pytest.raises(UsageError, match="no reject reason 'loud'") as error:
        load(ScoreConfig, None, (), ARGUMENTS | {"retry": ["silent", "loud"]})
    assert "silent" in error.value.hint


@pytest.mark.parametrize(
    ("text", "told"), [("a: [", "not valid YAML"), ("- a", "keys and values"), ("sorce: x", "sorce: unknown key")]
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "score.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=told):
        load(ScoreConfig, str(file), (), ARGUMENTS)


def test_local_paths_become_absolute_and_other_names_stay() -> None:
    config = load(ScoreConfig, None, ["bundle=models/x"], ARGUMENTS)
    assert (config.source, config.output, config.bundle) == ("/in", "s3://b/out", str(Path("models/x").absolute()))
    assert load(ScoreConfig, None, (), ARGUMENTS).bundle == "default"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.yaml"):
        load(ScoreConfig, str(tmp_path / "absent.yaml"))


def test_a_missing_source_is_named() -> None:
    with pytest.raises(UsageError, match="source: is required"):
        load(ScoreConfig, None)


@pytest.mark.parametrize(
    ("override", "known"), [("nonsense=1", "batch_tracks, "), ("extract.nonsense=1", "extract.min_size, ")]
)
def test_the_hint_has_the_keys_beside_the_one_at_fault(override: str, known: str) -> None:
    with pytest.raises(UsageError) as error:
        load(ScoreConfig, None, [override], ARGUMENTS)
    assert f"known keys: {known}" in error.value.hint
