"""DSD, whose files are written here: no library at hand does."""

import io
import struct

import numpy as np
import pytest
from audio_samples import Sound, chirp

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.waveform import Waveform, resample
from genre_batch.decode.window import Window

RATE, BLOCK = 44_100, 4096


def bits(sound: Sound, times: int) -> np.ndarray:
    """One channel of `sound` as [n] 0 and 1 at `times` the rate, by a modulator of first order."""
    fine = np.repeat(sound.astype(np.float64), times)
    return np.diff(np.floor(np.cumsum((fine + 1) / 2)), prepend=0.0).clip(0, 1).astype(np.uint8)


def dsf(sound: Sound, times: int = 64) -> bytes:
    """[n, channels] as DSF: blocks of 4,096 bytes of each channel in turn, the first bit in the lowest place."""
    planes = [np.packbits(bits(channel, times), bitorder="little").tobytes() for channel in sound.T]
    padded = [plane.ljust(-(-len(plane) // BLOCK) * BLOCK, b"\x69") for plane in planes]
    data = b"".join(plane[at : at + BLOCK] for at in range(0, len(padded[0]), BLOCK) for plane in padded)
    channels = sound.shape[1]
    form = struct.pack(
        "<4sQIIIIIIQII", b"fmt ", 52, 1, 0, channels, channels, RATE * times, 1, len(sound) * times, BLOCK, 0
    )
    head = struct.pack("<4sQQQ", b"DSD ", 28, 28 + 52 + 12 + len(data), 0)
    return head + form + struct.pack("<4sQ", b"data", 12 + len(data)) + data


def dff(sound: Sound, times: int = 64) -> bytes:
    """[n, channels] as DSDIFF: a byte of each channel in turn, the first bit in the highest place."""
    data = np.stack([np.packbits(bits(channel, times)) for channel in sound.T], axis=1).tobytes()
    ids = b"".join([b"SLFT", b"SRGT"][: sound.shape[1]])
    props = (
        b"SND "
        + chunk(b"FS  ", struct.pack(">I", RATE * times))
        + chunk(b"CHNL", struct.pack(">H", sound.shape[1]) + ids)
    )
    props += chunk(b"CMPR", b"DSD \x0enot compressed")
    body = b"DSD " + chunk(b"FVER", bytes([1, 5, 0, 0])) + chunk(b"PROP", props) + chunk(b"DSD ", data)
    return chunk(b"FRM8", body)


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack(">Q", len(body)) + body + bytes(len(body) % 2)


def decoded(data: bytes) -> Waveform:
    return decode_window(io.BytesIO(data), len(data), "a", Window(length_s=1.0, min_offset_s=2, max_offset_s=2))


@pytest.mark.parametrize("write", [dsf, dff])
@pytest.mark.parametrize(("times", "channels"), [(64, 2), (64, 1), (128, 1), (256, 1)])
def test_the_window_is_that_of_the_sound(write, times: int, channels: int) -> None:  # type: ignore[no-untyped-def]
    sound = chirp(4.0, RATE, channels, noise=0.0)
    found = decoded(write(sound, times))
    assert found.facts.duration_s == pytest.approx(4.0, abs=0.01)
    assert found.facts.window_start_s == 2.0
    got = resample(found.samples, found.sample_rate, RATE)
    wanted = sound.mean(axis=1)[2 * RATE : 3 * RATE]
    assert np.corrcoef(got[1000:-1000], wanted[1000:-1000])[0, 1] > 0.98


@pytest.mark.parametrize("write", [dsf, dff])
def test_a_cut_file_is_truncated(write) -> None:  # type: ignore[no-untyped-def]
    data = write(chirp(4.0, RATE, 1))
    with pytest.raises(TrackRejected) as caught:
        decoded(data[: len(data) // 2])
    assert caught.value.reject.reason is RejectReason.TRUNCATED
