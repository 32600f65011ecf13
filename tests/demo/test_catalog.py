"""What the sample catalog holds."""

import io

import numpy as np
import soundfile

from genre_batch.demo.catalog import SILENCE, SampleTrack, good_tracks, odd_tracks, render, sample_catalog
from genre_batch.demo.damage import Damage
from genre_batch.demo.encode import Encoding
from genre_batch.demo.styles import STYLES


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


def test_keys_are_unique_and_seeds_too() -> None:
    keys = [track.key for track in sample_catalog()]
    assert len(set(keys)) == len(keys)
    assert len({track.seed for track in good_tracks()}) == len(good_tracks())


def test_every_kind_of_damage_occurs() -> None:
    assert {track.damage for track in odd_tracks()} == {*Damage, None}


def test_a_rendered_track_is_as_described() -> None:
    track = SampleTrack("x.flac", "waltz", 1, 2.5, Encoding.FLAC, 22_050, 1)
    samples, rate = soundfile.read(io.BytesIO(render(track)), always_2d=True)
    assert (samples.shape, rate) == ((round(2.5 * 22_050), 1), 22_050)


def test_silence_is_silent() -> None:
    samples, _ = soundfile.read(io.BytesIO(render(SampleTrack("x.flac", SILENCE, 0, 2.0, Encoding.FLAC))))
    assert not np.any(samples)


def test_the_mislabelled_track_is_a_flac_file_called_mp3() -> None:
    (track,) = [track for track in odd_tracks() if track.key.startswith("mislabelled/")]
    assert track.key.endswith(".mp3")
    assert render(track).startswith(b"fLaC")
