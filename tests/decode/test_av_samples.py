"""Samples of every format that libav decodes to."""

import av
import numpy as np
import pytest

from genre_batch.decode.av_samples import to_mono

TYPES = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}


def coded(sound: np.ndarray, name: str) -> np.ndarray:
    """[channels, n] of -1..1 in the numbers of a sample format."""
    if name in ("flt", "dbl"):
        return sound.astype(TYPES[name])
    bits = {"u8": 8, "s16": 16, "s32": 32}[name]
    return (np.round(sound * (2.0 ** (bits - 1) - 1)) + (128 if name == "u8" else 0)).astype(TYPES[name])


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("planar", [True, False])
@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
def test_every_format(name: str, planar: bool, layout: str) -> None:
    channels = av.AudioLayout(layout).nb_channels
    sound = np.random.default_rng(0).uniform(-0.9, 0.9, (channels, 1500))
    values = coded(sound, name)
    data = values if planar else np.ascontiguousarray(values.T).reshape(1, -1)
    mono = to_mono(av.AudioFrame.from_ndarray(data, name + "p" * planar, layout), 100, 1490)
    assert mono.dtype == np.float32
    np.testing.assert_allclose(mono, sound.mean(axis=0)[100:1490], atol=0.015 if name == "u8" else 1e-4)
