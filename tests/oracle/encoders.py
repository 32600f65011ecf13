"""Encodes pieces of the song with libsndfile and libav."""

import io
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np
import soundfile
from oracle.song import LAYOUTS, SONG, Piece, Sound, in_channels, render

_BLOCK = 65_536
_QUICK = {
    "aac": {"aac_coder": "fast"},
    "libmp3lame": {"compression_level": "9"},
    "libopus": {"compression_level": "0"},
}
"""Encoders take most of the time of the oracle. How hard they search is no matter to what decodes their files."""


@dataclass(frozen=True, slots=True)
class Soundfile:
    """A file by libsndfile. mode: of its MP3 encoder."""

    container: str
    subtype: str
    mode: str | None = None
    endian: str = "FILE"


@dataclass(frozen=True, slots=True)
class Av:
    """A file by libav. options: of the container, as (name, value)."""

    container: str
    codec: str
    kbps: int = 192
    options: tuple[tuple[str, str], ...] = ()
    sample_format: str | None = None
    codec_options: tuple[tuple[str, str], ...] = ()


Encoder = Soundfile | Av


@lru_cache(maxsize=24)
def encode(encoder: Encoder, rate: int = 44_100, channels: int = 2, pieces: tuple[Piece, ...] = SONG) -> bytes:
    """The bytes of the pieces as a file."""
    return encode_sound(encoder, rate, in_channels(render(pieces, rate), channels))


def encode_sound(encoder: Encoder, rate: int, sound: Sound) -> bytes:
    """The bytes of `sound` [n, channels] as a file."""
    if isinstance(encoder, Soundfile):
        return _with_soundfile(encoder, rate, sound)
    return _with_av(encoder, rate, sound)


def _with_soundfile(encoder: Soundfile, rate: int, sound: Sound) -> bytes:
    target = io.BytesIO()
    more = {"bitrate_mode": encoder.mode, "compression_level": 0.2} if encoder.mode else {}
    settings = {"format": encoder.container, "subtype": encoder.subtype, "endian": encoder.endian, **more}
    with soundfile.SoundFile(target, "w", rate, sound.shape[1], **settings) as file:
        for start in range(0, len(sound), _BLOCK):
            file.write(sound[start : start + _BLOCK])
    return target.getvalue()


def _with_av(encoder: Av, rate: int, sound: Sound) -> bytes:
    layout = LAYOUTS[sound.shape[1]]
    target = io.BytesIO()
    with av.open(target, "w", format=encoder.container, options=dict(encoder.options)) as file:
        stream = file.add_stream(
            encoder.codec, rate=rate, options=_QUICK.get(encoder.codec, {}) | dict(encoder.codec_options)
        )
        assert isinstance(stream, av.AudioStream)
        stream.layout = layout
        if encoder.sample_format:
            stream.format = encoder.sample_format
        stream.bit_rate = encoder.kbps * 1000
        context = stream.codec_context
        context.open()
        adapt = av.AudioResampler(context.format.name, layout, rate, context.frame_size or 4096)
        for start in range(0, len(sound), _BLOCK):
            block = np.ascontiguousarray(sound[start : start + _BLOCK].T)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            for piece in adapt.resample(frame):
                file.mux(stream.encode(piece))
        for piece in adapt.resample(None):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return target.getvalue()
