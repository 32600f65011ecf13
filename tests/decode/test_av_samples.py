"""Samples of libav frames in every sample format."""

import av
import numpy as np
import pytest

from genre_batch.decode.av_samples import Cut, to_mono

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
    cuts = []
    for start in (0, 500, 1000):
        values = coded(sound[:, start : start + 500], name)
        data = values if planar else np.ascontiguousarray(values.T).reshape(1, -1)
        cuts.append(Cut(av.AudioFrame.from_ndarray(data, name + "p" * planar, layout), 100, 490))
    wanted = np.concatenate([sound.mean(axis=0)[start + 100 : start + 490] for start in (0, 500, 1000)])
    mono = to_mono(cuts)
    assert mono.dtype == np.float32
    np.testing.assert_allclose(mono, wanted, atol=0.015 if name == "u8" else 1e-4)
