"""Files of several streams, Ogg streams cut out of longer ones, and Ogg files with zeros behind them."""

import io

import numpy as np
import pytest
from audio_samples import chirp, encode

from genre_batch.decode import audio_file
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.formats import ogg
from genre_batch.decode.formats.ogg import pages
from genre_batch.decode.waveform import Waveform, resample
from genre_batch.decode.window import Window

RATE = 48_000
WHOLE = Window(length_s=1000.0)


def decoded(data: bytes, window: Window = WHOLE) -> Waveform:
    return decode_window(io.BytesIO(data), len(data), "a", window)


def cut(data: bytes, second: float) -> bytes:
    """The headers, and the pages from `second` on, as programs write them that cut without encoding."""
    audio = [page for page in pages(data) if page.granule > 0]
    later = next(page for page in audio if page.granule > second * RATE)
    return data[: audio[0].start] + data[later.start :]


@pytest.fixture(params=[1 << 20, 10_000], ids=["small", "large"])
def size_class(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the file for one that is read whole, or for a large one."""
    monkeypatch.setattr(audio_file, "SMALL_BYTES", request.param)
    monkeypatch.setattr(ogg, "_SMALL_BYTES", request.param)


@pytest.mark.usefixtures("size_class")
@pytest.mark.parametrize("encoding", ["ogg", "opus"])
@pytest.mark.parametrize("lengths_s", [(3.0, 12.0), (12.0, 3.0), (4.0, 2.0, 9.0)])
def test_streams_that_follow_one_another_are_one_track(encoding: str, lengths_s: tuple[float, ...]) -> None:
    parts = [chirp(seconds, RATE, seed=seed) for seed, seconds in enumerate(lengths_s)]
    found = decoded(b"".join(encode(part, RATE, encoding) for part in parts))
    assert found.facts.duration_s == pytest.approx(sum(lengths_s), abs=0.01)
    expected = np.concatenate(parts).mean(axis=1)
    assert np.corrcoef(found.samples, expected[: len(found.samples)])[0, 1] > 0.99


def test_a_window_across_streams_of_other_rates_and_channels() -> None:
    first, second = chirp(5.0, RATE), chirp(9.0, 44_100, 1, seed=1)
    data = encode(first, RATE, "ogg") + encode(second, 44_100, "ogg")
    found = decoded(data, Window(length_s=6.0, min_offset_s=3, max_offset_s=3))
    expected = np.concatenate([first.mean(axis=1), resample(second[:, 0], 44_100, RATE)])[3 * RATE : 9 * RATE]
    assert len(found.samples) == 6 * RATE
    assert np.corrcoef(found.samples, expected)[0, 1] > 0.99


@pytest.mark.usefixtures("size_class")
@pytest.mark.parametrize("encoding", ["ogg", "opus"])
@pytest.mark.parametrize("second", [1.5, 10.0])
def test_a_stream_cut_out_of_a_longer_one(encoding: str, second: float) -> None:
    sound = chirp(30.0, RATE)
    data = cut(encode(sound, RATE, encoding), second)
    window = Window(length_s=4.0, min_offset_s=10, max_offset_s=10)
    found = decoded(data, window)
    assert 30.0 - second - 1.1 < found.facts.duration_s < 30.0 - second + 1.1
    begins = 30.0 - found.facts.duration_s + 10.0
    mono = sound.mean(axis=1)
    best = max(
        np.corrcoef(found.samples, mono[at : at + 4 * RATE])[0, 1]
        for at in range(round(begins * RATE) - 1200, round(begins * RATE) + 1200, 4)
    )
    assert best > 0.98


@pytest.mark.parametrize("encoding", ["ogg", "opus", "ogg_flac"])
@pytest.mark.parametrize("zeros", [1, 1000, 70_000, 500_000])
def test_zeros_behind_the_last_page(encoding: str, zeros: int) -> None:
    data = encode(chirp(5.0, RATE), RATE, encoding)
    padded = decoded(data + bytes(zeros))
    assert padded.facts == decoded(data).facts
    np.testing.assert_array_equal(padded.samples, decoded(data).samples)
