"""Every format decodes to the music that was encoded, with the library itself rather than the package."""

import io
from itertools import product

import av
import numpy as np
import numpy.typing as npt
import pytest

from genre_batch.demo.encode import Encoding, encode
from genre_batch.demo.synthesis import synthesise

RATE, DURATION_S = 48_000, 3.5
CODECS = {
    Encoding.WAV: ("wav", "pcm_s16le"),
    Encoding.FLAC: ("flac", "flac"),
    Encoding.MP3: ("mp3", "mp3"),
    Encoding.VORBIS: ("ogg", "vorbis"),
    Encoding.OPUS: ("ogg", "opus"),
    Encoding.AAC: ("mov,mp4,m4a,3gp,3g2,mj2", "aac"),
    Encoding.ALAC: ("mov,mp4,m4a,3gp,3g2,mj2", "alac"),
    Encoding.AIFF: ("aiff", "pcm_s16be"),
}


@pytest.mark.parametrize(("encoding", "channels"), list(product(Encoding, (1, 2))))
def test_a_file_has_its_codec_duration_and_sound(encoding: Encoding, channels: int) -> None:
    samples = synthesise("pulse", 5, DURATION_S, RATE)[:, :channels]
    content = encode(samples, RATE, encoding)
    container, codec, decoded = _decoded(content)
    assert (container, codec.removesuffix("float")) == CODECS[encoding]
    assert decoded.shape[1] == channels
    # codecs may add a frame or two of padding
    assert len(decoded) / RATE == pytest.approx(DURATION_S, abs=0.1)
    assert _likeness(samples[:, 0], decoded[:, 0]) > 0.95


def test_minutes_of_vorbis_are_encoded_in_parts() -> None:
    content = encode(synthesise("drone", 1, 150, RATE), RATE, Encoding.VORBIS)
    assert len(_decoded(content)[2]) / RATE == pytest.approx(150, abs=0.1)


def _decoded(content: bytes) -> tuple[str, str, npt.NDArray[np.float32]]:
    """Container, codec and samples [n, channels]."""
    with av.open(io.BytesIO(content)) as file:
        stream = file.streams.audio[0]
        assert stream.rate == RATE
        resampler = av.AudioResampler("fltp", stream.layout, RATE)
        frames = [out.to_ndarray() for frame in file.decode(stream) for out in resampler.resample(frame)]
        return file.format.name, stream.codec_context.codec.name, np.concatenate(frames, axis=1).T


def _likeness(original: npt.NDArray[np.float32], decoded: npt.NDArray[np.float32]) -> float:
    """The highest normalised cross-correlation, since codecs shift the sound by some milliseconds."""
    n = 1 << 18
    spectrum = np.fft.rfft(original, n) * np.conj(np.fft.rfft(decoded, n))
    return float(np.fft.irfft(spectrum).max() / (np.linalg.norm(original) * np.linalg.norm(decoded)))
