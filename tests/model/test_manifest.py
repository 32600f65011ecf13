"""bundle.json is closed: an unknown key is an error."""

import json

import numpy as np
import pytest
from pydantic import ValidationError
from small_bundle import MANIFEST

from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.model.manifest import BundleManifest, key_path


def changed(**changes: object) -> str:
    return json.dumps({**json.loads(MANIFEST.model_dump_json()), **changes})


def test_json_brings_back_the_same_manifest() -> None:
    assert BundleManifest.model_validate_json(MANIFEST.model_dump_json()) == MANIFEST


def test_a_manifest_from_before_there_was_a_choice_has_what_was_done_then() -> None:
    tree = json.loads(MANIFEST.model_dump_json())
    del tree["front_end"]["channels"], tree["front_end"]["offset"]
    old = BundleManifest.model_validate_json(json.dumps(tree)).front_end
    assert (old.channels, old.offset) == ("mean", "keep")
    assert (MANIFEST.front_end.channels, MANIFEST.front_end.offset) == ("audible", "remove")


def test_thresholds_that_no_genre_reaches_never_answer() -> None:
    genres = MANIFEST.taxonomy.genres
    assert MANIFEST.never_answers(dict.fromkeys(genres, 1.0))
    assert not MANIFEST.never_answers(dict.fromkeys(genres, 1.0) | {genres[0]: 0.99})
    assert not MANIFEST.never_answers(dict.fromkeys(genres[1:], 1.0))  # a genre without a threshold is answered
    assert not MANIFEST.never_answers({})


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
def test_a_key_path_is_the_path_in_the_file(location: tuple[int | str, ...], path: str) -> None:
    assert key_path(location) == path


def test_pooling_by_loudness_needs_segments_that_tell_it() -> None:
    by_loudness = BundleManifest.model_validate_json(changed(pooling="loud_logits"))
    segments = np.zeros((2, *by_loudness.front_end.segment_shape), np.float16)
    assert MANIFEST.loudness(segments) is None
    found = by_loudness.loudness(segments)
    assert found is not None
    mean_db = np.array(by_loudness.front_end.mean)
    np.testing.assert_allclose(found, np.sqrt(np.mean(10.0 ** (mean_db / 10.0))), rtol=1e-5)
    front_end = json.loads(DescriptorFrontEnd().model_dump_json())
    with pytest.raises(ValidationError, match="loud_logits needs the front end log_mel, not descriptors"):
        BundleManifest.model_validate_json(changed(pooling="loud_logits", front_end=front_end))
