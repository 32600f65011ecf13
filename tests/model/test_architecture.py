"""The settings of a classifier say which classifier it is, and what it needs."""

import pytest
from pydantic import TypeAdapter, ValidationError

from genre_batch.model.architecture import Architecture
from genre_batch.model.networks.settings import MelCnnSettings, ShortCnnSettings

ADAPTER: TypeAdapter[Architecture] = TypeAdapter(Architecture)


@pytest.mark.parametrize("settings", [MelCnnSettings(dropout=0.5), ShortCnnSettings(channels=8)])
def test_json_brings_back_the_same_settings(settings: Architecture) -> None:
    assert ADAPTER.validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize("text", ["{}", '{"name": "resnet"}', '{"name": "mel_cnn", "channels": 3}'])
def test_other_settings_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_json(text)


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_dropout_is_a_probability_below_one(dropout: float) -> None:
    with pytest.raises(ValidationError):
        MelCnnSettings(dropout=dropout)
