"""Every style can be played."""

import pytest

from genre_batch.demo.styles import STYLES


@pytest.mark.parametrize("name", STYLES)
def test_patterns_have_whole_steps_a_bar_and_only_marks(name: str) -> None:
    style = STYLES[name]
    for pattern in (style.kick, style.snare, style.hat, style.bass, style.chords, style.melody):
        assert set(pattern) <= {"x", "."}
        assert len(pattern) % style.beats == 0


@pytest.mark.parametrize("name", STYLES)
def test_something_sounds_besides_the_melody(name: str) -> None:
    assert "x" in STYLES[name].bass
    assert "x" in STYLES[name].chords
