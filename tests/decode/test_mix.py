"""One channel from several, also where they cancel."""

import io

import numpy as np
import pytest
from audio_samples import chirp, encode

from genre_batch.decode.decoder import decode_window
from genre_batch.decode.mix import MeasuredMean, WatchedMean, only_channel
from genre_batch.decode.window import Window

RATE = 48_000
WHOLE = Window(length_s=1000.0)


def decoded(data: bytes) -> np.ndarray:
    return decode_window(io.BytesIO(data), len(data), "a", WHOLE).samples


@pytest.mark.parametrize("encoding", ["wav", "wav_u8", "flac", "ogg", "m4a", "opus", "mp3"])
@pytest.mark.parametrize("right", [-1.0, -0.95])
def test_channels_that_cancel_give_what_one_of_them_gives(encoding: str, right: float) -> None:
    mono = chirp(4.0, RATE, 1)
    stereo = np.concatenate([mono, np.float32(right) * mono], axis=1)
    expected, found = decoded(encode(mono, RATE, encoding)), decoded(encode(stereo, RATE, encoding))
    middle = slice(RATE // 2, 3 * RATE)
    assert np.corrcoef(expected[middle], found[middle])[0, 1] > 0.99


def test_the_mean_can_be_asked_for_even_if_it_cancels() -> None:
    mono = chirp(4.0, RATE, 1)
    data = encode(np.concatenate([mono, -mono], axis=1), RATE, "wav_float")
    assert not decode_window(io.BytesIO(data), len(data), "a", WHOLE, "mean").samples.any()


def test_a_side_that_is_silent_leaves_the_mean() -> None:
    sound = chirp(3.0, RATE, 2)
    sound[:, 1] = 0
    np.testing.assert_allclose(decoded(encode(sound, RATE, "wav_float")), sound[:, 0] / 2, atol=1e-6)


def test_the_first_of_the_loud_channels_is_chosen() -> None:
    tone = np.sin(np.arange(1000, dtype=np.float32))
    mean = MeasuredMean()
    mean([tone * np.float32(0.01), tone, -tone])
    assert mean.channel_instead() == 1


@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize(("left", "right", "may"), [(1, -1, True), (1, -0.9, True), (1, 0, False), (1, 1, False)])
def test_a_mean_that_cancels_is_noticed(left: float, right: float, may: bool, interleaved: bool) -> None:
    tone = np.sin(np.arange(1000, dtype=np.float32))
    frames = np.stack([left * tone, right * tone], axis=1).astype(np.float32)
    mean, measured = WatchedMean(), MeasuredMean()
    for part in (frames[:300], frames[300:]):
        planes = part.T if interleaved else list(np.ascontiguousarray(part.T))
        np.testing.assert_array_equal(mean(planes), measured(planes))
    assert mean.may_cancel == may == (measured.channel_instead() is not None)


@pytest.mark.parametrize(
    "planes", [[np.ones(9, np.float32)], [np.zeros(9, np.float32)] * 2, [np.ones(9, np.float32)] * 6]
)
def test_a_mean_that_does_not_cancel_stays(planes: list[np.ndarray]) -> None:
    mean = MeasuredMean()
    mean(planes)
    assert mean.channel_instead() is None


def test_frames_with_fewer_channels_give_their_last_one() -> None:
    assert only_channel(1)([np.ones(3, np.float32)]).tolist() == [1, 1, 1]
