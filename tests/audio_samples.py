"""Deterministic test sounds, and encoders for every format that the job reads."""

import io
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
import soundfile

Sound = npt.NDArray[np.float32]

SOUNDFILE_ENCODINGS = {
    "wav": ("WAV", "PCM_16"),
    "wav_u8": ("WAV", "PCM_U8"),
    "wav_24": ("WAV", "PCM_24"),
    "wav_32": ("WAV", "PCM_32"),
    "wav_float": ("WAV", "FLOAT"),
    "wav_double": ("WAV", "DOUBLE"),
    "wav_ulaw": ("WAV", "ULAW"),
    "wav_alaw": ("WAV", "ALAW"),
    "wav_adpcm": ("WAV", "IMA_ADPCM"),
    "wav_ms_adpcm": ("WAV", "MS_ADPCM"),
    "rf64": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "flac_24": ("FLAC", "PCM_24"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "mp3_vbr": ("MP3", "MPEG_LAYER_III"),
}
AV_ENCODINGS = {
    "m4a": ("ipod", "aac"),
    "alac": ("ipod", "alac"),
    "fragmented_m4a": ("mp4", "aac"),
    "opus": ("ogg", "libopus"),
    "ogg_flac": ("ogg", "flac"),
    "wma": ("asf", "wmav2"),
    "mp3_untagged": ("mp3", "libmp3lame"),
    "adts": ("adts", "aac"),
    "ac3": ("ac3", "ac3"),
    "eac3": ("eac3", "eac3"),
    "matroska": ("matroska", "flac"),
    "webm": ("webm", "libopus"),
    "tta": ("tta", "tta"),
    "wavpack": ("wv", "wavpack"),
}
ENCODINGS = (*SOUNDFILE_ENCODINGS, *AV_ENCODINGS)
LOSSLESS = frozenset(
    {
        "wav",
        "wav_24",
        "wav_32",
        "wav_float",
        "wav_double",
        "rf64",
        "w64",
        "aiff",
        "au",
        "caf",
        "tta",
        "wavpack",
        "matroska",
        "flac",
        "flac_24",
        "alac",
        "ogg_flac",
    }
)

_SAMPLE_FORMATS = {"tta": "s16", "wavpack": "s16p"}
"""In place of the encoder's first choice, which has 8 bits."""
_OPTIONS = {
    "fragmented_m4a": {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "1000000"},
    "mp3_untagged": {"write_xing": "0", "id3v2_version": "0"},
}


def chirp(seconds: float, sample_rate: int = 44_100, channels: int = 2, seed: int = 0, noise: float = 0.02) -> Sound:
    """[n, channels]: a rising tone with some noise, so that no two seconds sound alike."""
    count = round(seconds * sample_rate)
    time_s = np.arange(count) / sample_rate
    tone = 0.3 * np.sin(2 * np.pi * (110 * time_s + 20 * time_s**2))
    hiss = np.random.default_rng(seed).standard_normal((count, channels))
    return (tone[:, None] + noise * hiss).astype(np.float32)


def bursts(seconds: float, sample_rate: int = 44_100, channels: int = 2, seed: int = 0) -> Sound:
    """[n, channels]: noise that swells and fades, so that variable-bit-rate encoders change their rate."""
    count = round(seconds * sample_rate)
    swell = np.sin(np.pi * np.arange(count) / sample_rate / 5) ** 8
    noise = np.random.default_rng(seed).standard_normal((count, channels))
    return (0.2 * swell[:, None] * noise).astype(np.float32)


def encode(sound: Sound, sample_rate: int, encoding: str) -> bytes:
    """The bytes of `sound` [n, channels] in one of ENCODINGS."""
    if encoding in SOUNDFILE_ENCODINGS:
        return _with_soundfile(sound, sample_rate, encoding)
    return _with_av(sound, sample_rate, encoding)


def _with_soundfile(sound: Sound, sample_rate: int, encoding: str) -> bytes:
    container, subtype = SOUNDFILE_ENCODINGS[encoding]
    mode = {"mp3": "CONSTANT", "mp3_vbr": "VARIABLE"}.get(encoding)
    level = 0.3 if mode else None
    target = io.BytesIO()
    with soundfile.SoundFile(
        target, "w", sample_rate, sound.shape[1], subtype, format=container, bitrate_mode=mode, compression_level=level
    ) as file:
        for start in range(0, len(sound), 65_536):  # libsndfile's Vorbis encoder overflows its stack on long writes
            file.write(sound[start : start + 65_536])
    return target.getvalue()


def _with_av(sound: Sound, sample_rate: int, encoding: str) -> bytes:
    container, codec = AV_ENCODINGS[encoding]
    layout = {1: "mono", 2: "stereo"}[sound.shape[1]]
    target = io.BytesIO()
    with av.open(target, "w", format=container, options=_OPTIONS.get(encoding, {})) as file:
        stream = file.add_stream(codec, rate=sample_rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = layout
        if encoding in _SAMPLE_FORMATS:
            stream.format = _SAMPLE_FORMATS[encoding]
        stream.bit_rate = 128_000
        context = stream.codec_context
        context.open()
        adapt = av.AudioResampler(context.format.name, layout, sample_rate, context.frame_size or 4096)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
        for piece in (*adapt.resample(frame), *adapt.resample(None)):
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return target.getvalue()
