"""The window rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from genre_batch.decode.window import Window

TRACK_IDS = st.text(st.characters(exclude_categories=()), max_size=200)


@given(TRACK_IDS, st.floats(1.0, 90_000.0), st.floats(1.0, 120.0))
def test_lies_within_the_track(track_id: str, duration_s: float, length_s: float) -> None:
    start = Window(length_s=length_s).start_s(track_id, duration_s)
    assert 0.0 <= start <= max(0.0, duration_s - length_s)


@given(TRACK_IDS, st.floats(150.0, 90_000.0))
def test_is_a_whole_second_between_the_offsets_where_the_track_is_long_enough(track_id: str, duration_s: float) -> None:
    start = Window().start_s(track_id, duration_s)
    assert start == int(start)
    assert 15 <= start <= 120
    assert start == Window().start_s(track_id, duration_s + 1000)


@given(TRACK_IDS, st.floats(1.0, 30.0))
def test_begins_at_the_start_of_a_track_that_is_no_longer_than_it(track_id: str, duration_s: float) -> None:
    assert Window().start_s(track_id, duration_s) == 0.0


def test_is_pinned() -> None:
    # these decide which part of every track ever scored was heard: they must not change
    starts = [Window().start_s(f"s3://music/{number}.mp3", 300.0) for number in range(5)]
    assert starts == [64.0, 22.0, 116.0, 101.0, 105.0]


def test_spreads_over_all_seconds() -> None:
    starts = {Window().start_s(str(number), 300.0) for number in range(5000)}
    assert starts == set(range(15, 121))


@pytest.mark.parametrize(
    "settings",
    [
        {"length_s": 0.0},
        {"length_s": -1.0},
        {"offset": 3},
        {"min_offset_s": 1.5},
        {"min_offset_s": 30, "max_offset_s": 29},
    ],
)
def test_refuses_senseless_settings(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Window.model_validate(settings)


def test_its_span_begins_where_it_starts_and_has_its_length() -> None:
    window = Window(length_s=30.0)
    start_s, end_s = window.span_s("a", 240.0)
    assert start_s == window.start_s("a", 240.0)
    assert end_s == start_s + 30.0
