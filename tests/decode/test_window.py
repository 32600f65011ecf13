"""The window rule."""

import io
from itertools import pairwise

import pytest
from audio_samples import chirp, encode
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from genre_batch.decode.decoder import decode_window
from genre_batch.decode.window import Window

TRACK_IDS = st.text(st.characters(exclude_categories=()), max_size=200)


@given(TRACK_IDS, st.floats(1.0, 90_000.0), st.floats(1.0, 120.0))
def test_lies_within_the_track(track_id: str, duration_s: float, length_s: float) -> None:
    start = Window(length_s=length_s).start_s(track_id, duration_s)
    assert 0.0 <= start <= max(0.0, duration_s - length_s)


@given(TRACK_IDS, st.floats(150.0, 90_000.0))
def test_is_a_whole_second_between_the_offsets_if_the_track_is_long_enough(track_id: str, duration_s: float) -> None:
    start = Window().start_s(track_id, duration_s)
    assert start == int(start)
    assert 15 <= start <= 120
    assert start == Window().start_s(track_id, duration_s + 1000)


def test_every_whole_second_between_the_offsets_is_drawn() -> None:
    assert {Window().start_s(f"track {number}", 900.0) for number in range(2000)} == set(range(15, 121))


@given(TRACK_IDS, st.floats(1.0, 30.0))
def test_begins_at_the_start_of_a_track_that_is_no_longer_than_the_window(track_id: str, duration_s: float) -> None:
    assert Window().start_s(track_id, duration_s) == 0.0


def test_is_pinned() -> None:
    # these decide which part of every scored track was decoded: they must not change
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
def test_refuses_settings_that_make_no_sense(settings: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Window.model_validate(settings)


def test_its_span_begins_where_it_starts_and_has_its_length() -> None:
    window = Window(length_s=30.0)
    (span,) = window.spans_s("a", 240.0)
    assert span.start_s == window.start_s("a", 240.0)
    assert span.end_s == span.start_s + 30.0


def test_a_window_drawn_from_the_content_depends_on_neither_id_nor_tags() -> None:
    sound = encode(chirp(8.0, 48_000), 48_000, "mp3_untagged")
    by_content = Window(length_s=1.0, min_offset_s=0, max_offset_s=6, draw="content")
    retagged = b"ID3\4\0\0\0\0\7\x68" + bytes(1000) + sound

    def start_s(data: bytes, track_id: str) -> float:
        return decode_window(io.BytesIO(data), len(data), track_id, by_content).facts.window_start_s

    assert {start_s(data, name) for data in (sound, retagged) for name in "abcdefgh"} == {start_s(sound, "z")}


def test_other_content_has_another_window() -> None:
    by_content = Window(draw="content")
    keys = [by_content.key("a", lambda start, length, seed=seed: bytes([seed]) * length) for seed in range(50)]
    assert len({by_content.start_s(key, 300.0) for key in keys}) > 20
    assert len({by_content.start_s(keys[0], 300.0 + more) for more in range(50)}) > 20


def test_the_default_draw_is_not_dumped_so_that_fingerprints_stay() -> None:
    assert Window().model_dump(mode="json") == {"length_s": 30.0, "min_offset_s": 15, "max_offset_s": 120}
    by_content = Window(draw="content")
    assert Window.model_validate_json(by_content.model_dump_json()) == by_content


@given(st.integers(2, 20), st.floats(0.5, 10.0), st.floats(1.0, 5_000.0))
def test_pieces_are_spread_over_the_track_and_do_not_overlap(pieces: int, length_s: float, duration_s: float) -> None:
    window = Window(length_s=length_s, pieces=pieces)
    spans = window.spans_s("a", duration_s)
    assert spans == window.spans_s("b", duration_s)
    assert spans[0].start_s >= 0.0
    if duration_s < 2 * window.total_s:
        (span,) = spans
        assert span.length_s == window.total_s
        assert span.start_s == max(0.0, (duration_s - window.total_s) / 2)
        return
    assert len(spans) == pieces
    assert {span.length_s for span in spans} == {length_s}
    gaps = [after.start_s - before.end_s for before, after in pairwise(spans)]
    assert min(gaps) >= 0.99 * length_s
    assert max(gaps) - min(gaps) < 1e-6 * duration_s
    assert duration_s - spans[-1].end_s == pytest.approx(spans[0].start_s, abs=1e-6 * duration_s)


def test_pieces_are_dumped_and_draw_nothing() -> None:
    window = Window(length_s=3.0, pieces=8)
    assert Window.model_validate_json(window.model_dump_json()) == window
    assert window.model_dump(mode="json")["pieces"] == 8
    with pytest.raises(ValidationError, match="nothing is drawn"):
        Window(pieces=2, draw="content")
