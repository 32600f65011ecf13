"""What a classifier declares about itself."""

from typing import get_args

import pytest

from genre_batch.features.front_end import FRONT_ENDS, AnyFrontEnd
from genre_batch.features.front_ends.image import ImageFrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.front_ends.mfcc import MfccFrontEnd
from genre_batch.model.architecture import Architecture
from genre_batch.model.classifier import ClassifierSettings
from genre_batch.model.estimators.forest import ForestSettings
from genre_batch.model.networks.settings import (
    MfccMlpSettings,
    MobileNetSettings,
    ShortCnnSettings,
    SpectrogramCnnSettings,
    TextureKernelSettings,
    WaveletFusionSettings,
)

KINDS: tuple[type[ClassifierSettings], ...] = get_args(get_args(Architecture)[0])
BOTH = ImageFrontEnd(images=["spectrogram", "scalogram"])


@pytest.mark.parametrize("kind", KINDS)
def test_settings_that_only_affect_training_exist(kind: type[ClassifierSettings]) -> None:
    assert set(kind.training_only) & {"name"} == set()
    assert set(kind.training_only) - {"dropout"} <= set(kind.model_fields)


@pytest.mark.parametrize("settings", [ShortCnnSettings(), ForestSettings()])
def test_most_classifiers_accept_any_front_end(settings: ClassifierSettings) -> None:
    assert settings.front_end_needed is None
    assert all(settings.accepts(kind()) for kind in FRONT_ENDS)


@pytest.mark.parametrize(
    ("settings", "accepted"),
    [
        (TextureKernelSettings(), [LogMelFrontEnd()]),
        (MfccMlpSettings(), [MfccFrontEnd()]),
        (SpectrogramCnnSettings(), [ImageFrontEnd()]),
        (MobileNetSettings(), [ImageFrontEnd()]),
        (WaveletFusionSettings(), [BOTH]),
    ],
)
def test_others_accept_the_front_end_that_they_are_made_for(
    settings: ClassifierSettings, accepted: list[AnyFrontEnd]
) -> None:
    offered: list[AnyFrontEnd] = [*(kind() for kind in FRONT_ENDS), BOTH]
    assert [front_end for front_end in offered if settings.accepts(front_end)] == accepted
    assert settings.front_end_needed is not None
    assert settings.front_end_needed.startswith(accepted[0].name)
