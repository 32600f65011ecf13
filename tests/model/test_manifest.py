"""bundle.json is closed: what it does not know is an error."""

import json

import pytest
from pydantic import ValidationError
from small_bundle import MANIFEST

from genre_batch.model.manifest import BundleManifest, key_path


def changed(**changes: object) -> str:
    return json.dumps({**json.loads(MANIFEST.model_dump_json()), **changes})


def test_json_brings_back_the_same_manifest() -> None:
    assert BundleManifest.model_validate_json(MANIFEST.model_dump_json()) == MANIFEST


@pytest.mark.parametrize("name", ["gtzan-short_cnn.v2", "a", "0"])
def test_names_that_are_safe_in_a_path(name: str) -> None:
    assert BundleManifest.model_validate_json(changed(name=name)).name == name


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "../up"},
        {"name": ".."},
        {"name": "a/b"},
        {"name": "model=1"},
        {"name": "Upper"},
        {"name": "a\n"},
        {"name": ""},
        {"schema_version": 2},
        {"surprise": 1},
        {"architecture": {"name": "unheard_of"}},
        {"architecture": {"name": "mel_cnn", "surprise": 1}},
        {"thresholds": {"polka": 0.5}},
        {"thresholds": {"jazz": 1.5}},
        {"pooling": "median"},
        {"metrics": {"accuracy": None}},
        {"files": {"../model.safetensors": "0" * 64}},
        {"files": {"README.md": "0" * 63}},
    ],
    ids=str,
)
def test_anything_else_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BundleManifest.model_validate_json(changed(**wrong))


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ((), ""),
        (("name",), "name"),
        (("front_end", "log_mel", "n_mels"), "front_end.n_mels"),
        (("architecture", "short_cnn"), "architecture"),
        (("thresholds", "rock", 0), "thresholds.rock.0"),
    ],
)
def test_a_key_path_is_what_stands_in_the_file(location: tuple[int | str, ...], path: str) -> None:
    assert key_path(location) == path
