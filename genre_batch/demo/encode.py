"""Encodes samples as the bytes of an audio file, in the formats of the sample catalog."""

import io
from enum import StrEnum

import numpy as np
import numpy.typing as npt

PCM_FULL_SCALE = 32767


class Encoding(StrEnum):
    """A container with its codec; the value is the file extension, with a prefix for ALAC."""

    WAV = "wav"
    FLAC = "flac"
    MP3 = "mp3"
    VORBIS = "ogg"
    OPUS = "opus"
    AAC = "m4a"
    ALAC = "alac.m4a"
    AIFF = "aiff"


SOUNDFILE_FORMATS = {
    Encoding.WAV: ("WAV", "PCM_16"),
    Encoding.FLAC: ("FLAC", "PCM_16"),
    Encoding.MP3: ("MP3", "MPEG_LAYER_III"),
    Encoding.VORBIS: ("OGG", "VORBIS"),
    Encoding.AIFF: ("AIFF", "PCM_16"),
}
PYAV_FORMATS = {
    Encoding.OPUS: ("ogg", "libopus", "flt"),
    Encoding.AAC: ("ipod", "aac", "fltp"),
    Encoding.ALAC: ("ipod", "alac", "s16p"),
}


def encode(samples: npt.NDArray[np.float32], sample_rate: int, encoding: Encoding) -> bytes:
    """The bytes of a file with `samples` [n, channels], one or two channels; full scale is 1.0.

    Opus supports sample rates of 8, 12, 16, 24 and 48 kHz only.
    """
    if encoding in SOUNDFILE_FORMATS:
        return _with_soundfile(samples, sample_rate, *SOUNDFILE_FORMATS[encoding])
    return _with_pyav(samples, sample_rate, *PYAV_FORMATS[encoding])


def _with_soundfile(samples: npt.NDArray[np.float32], sample_rate: int, container: str, subtype: str) -> bytes:
    import soundfile

    target = io.BytesIO()
    shape = {"samplerate": sample_rate, "channels": samples.shape[1]}
    with soundfile.SoundFile(target, "w", format=container, subtype=subtype, **shape) as file:
        # libsndfile's Vorbis encoder overflows the stack if it gets minutes of audio at once
        for start in range(0, len(samples), sample_rate):
            file.write(samples[start : start + sample_rate])
    return target.getvalue()


def _with_pyav(
    samples: npt.NDArray[np.float32], sample_rate: int, container: str, codec: str, sample_format: str
) -> bytes:
    import av

    layout = "mono" if samples.shape[1] == 1 else "stereo"
    pcm = (samples * PCM_FULL_SCALE).astype(np.int16).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout=layout)
    frame.sample_rate = sample_rate
    target = io.BytesIO()
    with av.open(target, "w", format=container, options={"fflags": "+bitexact"}) as file:
        stream = file.add_stream(codec, rate=sample_rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = layout
        stream.format = sample_format
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return target.getvalue()
