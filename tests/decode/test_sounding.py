"""Windows that fall into silence are moved to what sounds."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from audio_samples import Sound, chirp, encode

from genre_batch.decode.decoder import decode_window
from genre_batch.decode.sounding import is_faint, is_mostly_quiet, probe_starts_s, window_where_it_sounds
from genre_batch.decode.waveform import Waveform
from genre_batch.decode.window import Window

RATE = 48_000
WINDOW = Window(length_s=10.0, min_offset_s=20, max_offset_s=20)


def silence(seconds: float, value: float = 0.0) -> Sound:
    return np.full((round(seconds * RATE), 2), value, np.float32)


def decoded(*parts: Sound, encoding: str = "flac") -> Waveform:
    data = encode(np.concatenate(parts), RATE, encoding)
    return decode_window(io.BytesIO(data), len(data), "a", WINDOW)


def test_a_constant_and_faint_noise_are_quiet() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert is_faint(np.full(RATE, 0.3, np.float32))
    assert is_faint(0.0009 * noise)
    assert not is_faint(0.0011 * noise + 0.3)
    assert is_faint(np.empty(0, np.float32))


@pytest.mark.parametrize(("quiet_s", "mostly"), [(0, False), (5, False), (6, True), (10, True)])
def test_more_than_half_of_the_seconds_must_be_quiet(quiet_s: int, mostly: bool) -> None:
    sound = chirp(10.0, RATE)[:, 0].copy()
    sound[: quiet_s * RATE] = 0.0
    assert is_mostly_quiet(sound, RATE) is mostly


@pytest.mark.parametrize("duration_s", [0.4, 1.0, 31.0, 174.0, 86_400.0])
def test_probes_are_all_over_the_track(duration_s: float) -> None:
    starts = probe_starts_s(duration_s)
    assert len(starts) <= 32
    assert starts == sorted(starts)
    assert starts[0] >= 0.0
    assert starts[-1] <= max(0.0, duration_s - 0.5)


def test_the_window_has_most_of_what_sounds_and_is_near_the_drawn_one() -> None:
    assert window_where_it_sounds([], 20.0, 30.0, 174.0) is None
    start = window_where_it_sounds([150.0, 160.0, 170.0], 20.0, 30.0, 174.0)
    assert start is not None
    assert 141.0 <= start <= 144.0
    start = window_where_it_sounds([5.0, 100.0, 110.0, 120.0, 250.0, 260.0, 270.0], 200.0, 30.0, 300.0)
    assert start is not None
    assert 240.0 <= start <= 250.0


@pytest.mark.parametrize("encoding", ["flac", "mp3", "ogg", "opus", "m4a", "wav", "tta", "webm", "adts"])
def test_long_silence_before_the_music(encoding: str) -> None:
    sound = chirp(12.0, RATE, noise=0.0)
    found = decoded(silence(80.0), sound, encoding=encoding)
    assert found.facts.window_start_s >= 75.0
    assert found.facts.duration_s == pytest.approx(92.0, abs=0.1)
    assert not is_mostly_quiet(found.samples, found.sample_rate)


def test_silence_after_the_music_and_a_constant() -> None:
    found = decoded(chirp(15.0, RATE), silence(80.0, 0.2))
    assert found.facts.window_start_s <= 6.0


def test_a_short_sound_in_the_window_does_not_keep_it_in_silence() -> None:
    found = decoded(silence(26.0), chirp(2.0, RATE), silence(40.0), chirp(30.0, RATE, seed=1))
    assert found.facts.window_start_s >= 66.0


def test_silence_throughout_is_left_where_it_was_drawn() -> None:
    assert decoded(silence(60.0)).facts.window_start_s == 20.0


def test_a_window_with_music_stays_where_it_was_drawn() -> None:
    assert decoded(silence(24.0), chirp(40.0, RATE)).facts.window_start_s == 20.0


def two_tracks(first: Sound, second: Sound, container: str, codec: str) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format=container) as file:
        streams = [file.add_stream(codec, rate=RATE) for _ in range(2)]
        for stream in streams:
            assert isinstance(stream, av.AudioStream)
            stream.layout = "stereo"
        for stream, sound in zip(streams, (first, second), strict=True):
            adapt = av.AudioResampler(stream.format.name, "stereo", RATE, 1024)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            for piece in (*adapt.resample(frame), *adapt.resample(None)):
                file.mux(stream.encode(piece))
            file.mux(stream.encode(None))
    return target.getvalue()


@pytest.mark.parametrize(("container", "codec"), [("ipod", "aac"), ("ipod", "alac"), ("matroska", "flac")])
def test_a_silent_first_track_of_a_file_gives_way_to_one_that_sounds(container: str, codec: str) -> None:
    music, quiet = chirp(40.0, RATE, noise=0.0), silence(40.0)
    first, second, neither = (
        decode_window(io.BytesIO(data), len(data), "a", WINDOW)
        for data in (
            two_tracks(quiet, music, container, codec),
            two_tracks(music, quiet, container, codec),
            two_tracks(quiet, quiet, container, codec),
        )
    )
    assert first.facts == second.facts
    assert first.facts.window_start_s == 20.0
    np.testing.assert_allclose(first.samples, second.samples, atol=1e-6)
    assert np.abs(first.samples).max() > 0.2
    assert np.abs(neither.samples).max() < 1e-4


def test_pieces_of_which_most_are_silent_become_one_where_it_sounds() -> None:
    pieces = Window(length_s=1.0, pieces=4)
    data = encode(np.concatenate([silence(20.0), chirp(8.0, RATE)]), RATE, "flac")
    found = decode_window(io.BytesIO(data), len(data), "a", pieces)
    (piece,) = found.pieces
    assert len(piece) == 4 * RATE
    assert 20.0 <= found.facts.window_start_s <= 24.0
    loud = encode(np.concatenate([silence(8.0), chirp(20.0, RATE)]), RATE, "flac")
    assert len(decode_window(io.BytesIO(loud), len(loud), "a", pieces).pieces) == 4
