"""The JSON schema of settings, as editors and messages use it."""

import json

import jsonschema
import pytest

from genre_batch.config import ScoreConfig
from genre_batch.settings.json_schema import Schema, schema_text
from genre_batch.training.train_config import TrainConfig

SCORE, TRAIN = Schema(ScoreConfig), Schema(TrainConfig)


def test_editors_see_what_each_setting_means() -> None:
    schema = json.loads(schema_text(ScoreConfig))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["batch_tracks"]["description"] == (
        "tracks sent to an actor at once, at most; null for as many as suit the run"
    )
    assert "GPUs" in schema["$defs"]["PredictPool"]["properties"]["num_gpus"]["description"]


@pytest.mark.parametrize(
    ("settings", "is_valid"),
    [
        ({}, True),
        ({"source": "s3://b/x", "extract": {"min_size": 2}, "predict": {"num_gpus": None}}, True),
        ({"batch_tracks": 0}, False),
        ({"batch_trakcs": 1}, False),
        ({"predict": {"device": "tpu"}}, False),
    ],
)
def test_a_file_need_not_be_complete_but_what_it_holds_has_to_be_right(
    settings: dict[str, object], is_valid: bool
) -> None:
    assert jsonschema.Draft202012Validator(json.loads(schema_text(ScoreConfig))).is_valid(settings) == is_valid


def test_keys_are_those_of_all_groups_and_of_every_member_of_a_union() -> None:
    score, train = SCORE.keys(), TRAIN.keys()
    assert {"source", "extract.min_size", "predict.num_gpus", "forecast.file"} <= set(score)
    assert "extract" not in score
    assert {"architecture.trees", "architecture.width", "front_end.window.length_s"} <= set(train)
    assert len(set(train)) == len(train)


def test_the_keys_of_a_group() -> None:
    assert SCORE.keys_at(("extract",)) == ["min_size", "max_size", "num_cpus"]
    assert SCORE.keys_at(("nothing",)) == []
    assert set(TRAIN.keys_at(("architecture", "forest"))) == {"name", "trees", "max_depth"}


def test_a_location_leads_to_the_node_of_its_setting() -> None:
    found = TRAIN.find(("architecture", "neighbours", "k"))
    assert found is not None
    assert (found.kind, found.above, found.default) == ("integer", 0, 5)
    assert SCORE.find(("extract", "nothing")) is None
