"""The sample catalog: its tracks and their deliberate damage."""

import io

import numpy as np
import soundfile

from genre_batch.demo.catalog import (
    SILENCE,
    Damage,
    SampleTrack,
    damage,
    good_tracks,
    odd_tracks,
    render,
    rendered,
    sample_catalog,
)
from genre_batch.demo.encode import Encoding
from genre_batch.demo.synthesis import STYLES

CONTENT = bytes(range(256)) * 40


def test_nothing_is_left_of_an_emptied_file() -> None:
    assert damage(CONTENT, Damage.EMPTIED) == b""


def test_a_truncated_file_is_the_beginning_of_the_good_one() -> None:
    left = damage(CONTENT, Damage.TRUNCATED)
    assert 0 < len(left) < len(CONTENT) / 2
    assert CONTENT.startswith(left)


def test_overwriting_keeps_the_length_and_is_the_same_each_time() -> None:
    left = damage(CONTENT, Damage.OVERWRITTEN)
    assert len(left) == len(CONTENT)
    assert left != CONTENT
    assert left == damage(CONTENT, Damage.OVERWRITTEN)


def test_a_playlist_is_text() -> None:
    assert damage(CONTENT, Damage.PLAYLIST).decode().startswith("#EXTM3U\n")


def test_there_are_at_least_60_good_tracks_of_40_to_200_s() -> None:
    durations_s = [track.duration_s for track in good_tracks()]
    assert len(durations_s) >= 60
    assert min(durations_s) == 40
    assert max(durations_s) == 200


def test_every_style_comes_in_every_format() -> None:
    assert {(track.style, track.encoding) for track in good_tracks()} == {(s, e) for s in STYLES for e in Encoding}


def test_mono_stereo_and_several_sample_rates_occur() -> None:
    assert {track.channels for track in good_tracks()} == {1, 2}
    assert {track.sample_rate for track in good_tracks()} == {22_050, 24_000, 44_100, 48_000}


def test_keys_and_seeds_are_unique() -> None:
    keys = [track.key for track in sample_catalog()]
    assert len(set(keys)) == len(keys)
    assert len({track.seed for track in good_tracks()}) == len(good_tracks())


def test_every_kind_of_damage_occurs() -> None:
    assert {track.damage for track in odd_tracks()} == {*Damage, None}


def test_a_rendered_track_is_as_described() -> None:
    track = SampleTrack("x.flac", "triple", 1, 2.5, Encoding.FLAC, 22_050, 1)
    samples, rate = soundfile.read(io.BytesIO(render(track)), always_2d=True)
    assert (samples.shape, rate) == ((round(2.5 * 22_050), 1), 22_050)


def test_silence_is_silent() -> None:
    samples, _ = soundfile.read(io.BytesIO(render(SampleTrack("x.flac", SILENCE, 0, 2.0, Encoding.FLAC))))
    assert not np.any(samples)


def test_the_mislabelled_track_is_a_flac_file_called_mp3() -> None:
    (track,) = [track for track in odd_tracks() if track.key.startswith("mislabelled/")]
    assert track.key.endswith(".mp3")
    assert render(track).startswith(b"fLaC")


def test_files_come_in_order_and_are_the_same_as_rendered_here() -> None:
    tracks = [SampleTrack(f"{style}.flac", style, 1, 3.0, Encoding.FLAC) for style in ("triple", "grind", "shuffle")]
    assert list(rendered(tracks)) == [(track, render(track)) for track in tracks]
