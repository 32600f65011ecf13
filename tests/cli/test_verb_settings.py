"""Which settings each verb takes."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from genre_batch.cli.verb_settings import VERBS, settings_of
from genre_batch.errors import UsageError
from genre_batch.settings.json_schema import schema_text

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("verb", VERBS)
def test_every_schema_accepts_the_files_of_its_verb_and_no_unknown_key(verb: str) -> None:
    schema = json.loads(schema_text(settings_of(verb)))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for file in (CONFIGS / verb).glob("*.yaml"):
        validator.validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    assert not validator.is_valid({"no_such_key": 1})


def test_every_folder_of_configs_has_its_verb() -> None:
    assert {path.name for path in CONFIGS.iterdir() if path.is_dir()} - {"feast", "prices"} <= set(VERBS)


def test_an_unknown_verb_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="no config file for 'demo'") as error:
        settings_of("demo")
    assert "score" in error.value.hint
