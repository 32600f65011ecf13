"""Settings: files, arguments, overrides, and the messages for wrong ones."""

from pathlib import Path

import pytest
import yaml

from genre_batch.config import ScoreConfig, dump, load
from genre_batch.errors import UsageError
from genre_batch.forecast.prices import PriceList
from genre_batch.publish.gate import GateConfig
from genre_batch.publish.publish_settings import PublishSettings

ARGUMENTS = {"source": "/in", "output": "s3://b/out"}


def test_arguments_override_the_file_and_set_overrides_both(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("number", ["1e-9", "1E-9", "+1e-9", "1.0e-9", "0.000000001"])
def test_a_number_may_have_an_exponent_and_no_point(tmp_path: Path, number: str) -> None:
    assert load(ScoreConfig, None, [f"max_core_hours={number}"], ARGUMENTS).max_core_hours == 1e-9
    file = tmp_path / "score.yaml"
    file.write_text(f"max_core_hours: {number}\n")
    assert load(ScoreConfig, str(file), (), ARGUMENTS).max_core_hours == 1e-9


def test_a_text_that_looks_like_a_number_stays_one_in_a_dump(tmp_path: Path) -> None:
    config = load(ScoreConfig, None, ["include=['1e5', '1e-9.mp3']"], ARGUMENTS)
    file = tmp_path / "dump.yaml"
    file.write_text(dump(config))
    assert load(ScoreConfig, str(file)) == config


@pytest.mark.parametrize(
    ("override", "message"),
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
def test_a_wrong_setting_is_reported_with_its_path(override: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        load(ScoreConfig, None, [override], ARGUMENTS)
    assert message in str(error.value)
    assert error.value.hint


def test_retry_takes_known_reasons_and_drops_duplicates() -> None:
    config = load(ScoreConfig, None, (), ARGUMENTS | {"retry": ["silent", "corrupt", "silent"]})
    assert [str(reason) for reason in config.retry] == ["corrupt", "silent"]
    assert load(ScoreConfig, None, ["retry=corrupt"], ARGUMENTS).retry == config.retry[:1]
    assert yaml.safe_load(dump(config))["retry"] == ["corrupt", "silent"]
    with pytest.raises(UsageError, match="no reject reason 'loud'") as error:
        load(ScoreConfig, None, (), ARGUMENTS | {"retry": ["silent", "loud"]})
    assert "silent" in error.value.hint


@pytest.mark.parametrize(
    ("text", "message"), [("a: [", "not valid YAML"), ("- a", "keys and values"), ("sorce: x", "sorce: unknown key")]
)
def test_a_wrong_file_is_reported(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "score.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        load(ScoreConfig, str(file), (), ARGUMENTS)


def test_local_paths_become_absolute_and_other_names_do_not_change() -> None:
    config = load(ScoreConfig, None, ["bundle=models/x"], ARGUMENTS)
    assert (config.source, config.output, config.bundle) == ("/in", "s3://b/out", str(Path("models/x").absolute()))
    assert load(ScoreConfig, None, (), ARGUMENTS).bundle == "default"


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.yaml"):
        load(ScoreConfig, str(tmp_path / "absent.yaml"))


def test_a_missing_source_is_reported() -> None:
    with pytest.raises(UsageError, match="source: is required"):
        load(ScoreConfig, None)


def test_a_missing_argument_has_the_name_that_the_user_knows() -> None:
    with pytest.raises(UsageError) as error:
        load(ScoreConfig, None, (), {"output": "/out"}, names={"source": "SOURCE", "output": "OUTPUT"})
    assert str(error.value) == "SOURCE is missing"
    assert error.value.hint == "give SOURCE on the command line, or `source` in a --config file"


def test_a_file_on_top_of_a_recipe_replaces_whole_groups(tmp_path: Path) -> None:
    recipe, file = tmp_path / "recipe.yaml", tmp_path / "file.yaml"
    recipe.write_text("deadline_s: 5\nbatch_tracks: 9\nextract: {min_size: 3, max_size: 7}\n")
    file.write_text("batch_tracks: 4\nextract: {min_size: 2}\n")
    config = load(ScoreConfig, str(file), (), ARGUMENTS, recipe=str(recipe))
    assert (config.deadline_s, config.batch_tracks) == (5, 4)
    assert (config.extract.min_size, config.extract.max_size) == (2, None)


def test_a_price_list_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("currency: EUR\ncore_huor: 1.0\n")
    with pytest.raises(UsageError, match=r"invalid price list: .*core_huor: unknown key"):
        load(PriceList, str(tmp_path / "prices.yaml"), what="price list")
    with pytest.raises(UsageError, match=r"cannot read the price list .*absent\.yaml"):
        load(PriceList, str(tmp_path / "absent.yaml"), what="price list")


def test_bundle_and_bundles_exclude_each_other(tmp_path: Path) -> None:
    places = {"source": "in", "output": "out"}
    both = load(ScoreConfig, None, ["bundles=[default, cheap]"], places)
    assert [each.bundle for each in both.of_each_bundle()] == ["default", "cheap"]
    assert [each.bundles for each in both.of_each_bundle()] == [(), ()]
    assert load(ScoreConfig, None, (), places).of_each_bundle() == [load(ScoreConfig, None, (), places)]
    for overrides, message in (
        (["bundle=cheap", "bundles=[default, cheap]"], "bundle and bundles exclude each other: leave out one of them"),
        (["bundles=[cheap, cheap]"], "bundles names a model twice: cheap, cheap"),
        (["bundles=[default, cheap]", "publish=true"], "publish serves one model: set bundle, not bundles"),
    ):
        with pytest.raises(UsageError, match=message):
            load(ScoreConfig, None, overrides, places)
    (tmp_path / "dump.yaml").write_text(dump(both))
    assert load(ScoreConfig, str(tmp_path / "dump.yaml")) == both


@pytest.mark.parametrize(
    ("overrides", "settings"),
    [
        (["publish=false"], None),
        (["publish=null"], None),
        (["publish=true"], PublishSettings()),
        (["publish={}"], PublishSettings()),
        (["publish.rules.max_drift=0.5"], PublishSettings(rules=GateConfig(max_drift=0.5))),
        (["publish=true", "publish.delta=true"], PublishSettings(delta=True)),
    ],
)
def test_a_publication_is_a_switch_or_a_section(
    overrides: list[str], settings: PublishSettings | None, tmp_path: Path
) -> None:
    config = load(ScoreConfig, None, overrides, ARGUMENTS)
    assert config.publish == settings
    (tmp_path / "dump.yaml").write_text(dump(config))
    assert load(ScoreConfig, str(tmp_path / "dump.yaml")) == config
    assert ("publish: false\n" in dump(config)) == (settings is None)


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("publish=3", "publish: input should be a valid", "publish takes a group of keys: model, "),
        ("publish.ruls.max_drift=1", "publish.ruls: unknown key", "did you mean publish.rules?"),
        ("publish.rules.max_drift=-1", "publish.rules.max_drift: input should be", "takes a number of at least 0"),
        ("publish.output=/x", "publish.output: unknown key", "did you mean output?"),
        ("publish={serving: false, delta: true}", "publish: iceberg and delta register the serving files", ""),
    ],
)
def test_a_wrong_setting_of_a_publication_is_reported_with_its_path(override: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        load(ScoreConfig, None, [override], ARGUMENTS)
    assert hint in error.value.hint
