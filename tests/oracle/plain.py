"""Whole, undamaged files: every container, codec, layout, rate and depth that the encoders can write."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from oracle.case import Case
from oracle.encoders import Av, Encoder, Soundfile, encode

_PCM = ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
_COARSE = {"ULAW": 0.99, "ALAW": 0.99, "IMA_ADPCM": 0.985, "MS_ADPCM": 0.985, "PCM_U8": 0.99, "PCM_S8": 0.99}
_SUBTYPES = {
    "WAV": (*_PCM, "PCM_U8", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"),
    "WAVEX": (*_PCM, "PCM_U8", "ULAW", "ALAW"),
    "RF64": (*_PCM, "PCM_U8", "ULAW", "ALAW"),
    "W64": (*_PCM, "PCM_U8", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"),
    "AIFF": (*_PCM, "PCM_U8", "PCM_S8", "ULAW", "ALAW"),
    "AU": (*_PCM, "PCM_S8", "ULAW", "ALAW"),
    "CAF": (*_PCM, "PCM_S8", "ULAW", "ALAW"),
    "FLAC": ("PCM_S8", "PCM_16", "PCM_24"),
    "OGG": ("VORBIS", "OPUS"),
}
_RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 48_000, 96_000, 192_000)
_MPEG_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 48_000)
_FRAGMENTS = (("movflags", "frag_keyframe+empty_moov+default_base_moof"), ("frag_duration", "1000000"))
_LIVE = (("live", "1"),)
_AV = {
    **{f"m4a/{codec}": Av("ipod", codec) for codec in ("aac", "alac", "ac3")},
    **{f"mp4/{codec}": Av("mp4", codec) for codec in ("aac", "alac", "libmp3lame", "mp2", "ac3", "eac3", "flac")},
    **{f"mov/{codec}": Av("mov", codec) for codec in ("aac", "alac", "ac3", "pcm_s16le", "pcm_s16be", "pcm_s24be")},
    **{f"mov/{codec}": Av("mov", codec) for codec in ("pcm_f32le", "pcm_s32be", "pcm_alaw", "pcm_mulaw")},
    "mov/adpcm_ima_qt": Av("mov", "adpcm_ima_qt"),
    "mp4_fragments/aac": Av("mp4", "aac", options=_FRAGMENTS),
    "mp4_fragments/flac": Av("mp4", "flac", options=_FRAGMENTS),
    "3gp/aac": Av("3gp", "aac"),
    "3g2/aac": Av("3g2", "aac"),
    **{f"matroska/{codec}": Av("matroska", codec) for codec in ("aac", "alac", "ac3", "eac3", "flac", "libmp3lame")},
    **{f"matroska/{codec}": Av("matroska", codec) for codec in ("mp2", "tta", "wavpack", "pcm_s16le", "pcm_f32le")},
    **{f"matroska_live/{codec}": Av("matroska", codec, options=_LIVE) for codec in ("aac", "flac", "libmp3lame")},
    **{f"matroska_live/{codec}": Av("matroska", codec, options=_LIVE) for codec in ("wavpack", "alac", "pcm_s16le")},
    **{f"caf/{codec}": Av("caf", codec) for codec in ("alac", "flac", "pcm_s16le", "pcm_s24be", "pcm_f32be")},
    "caf/adpcm_ima_qt": Av("caf", "adpcm_ima_qt"),
    "ogg/flac": Av("ogg", "flac"),
    "oga/flac": Av("oga", "flac"),
    "aac": Av("adts", "aac"),
    "ac3": Av("ac3", "ac3"),
    "eac3": Av("eac3", "eac3"),
    "mp2": Av("mp2", "mp2"),
    "mp3_without_tag": Av("mp3", "libmp3lame", options=(("write_xing", "0"), ("id3v2_version", "0"))),
    "mp3": Av("mp3", "libmp3lame"),
    "tta": Av("tta", "tta"),
    "wavpack": Av("wv", "wavpack"),
    "wma/1": Av("asf", "wmav1"),
    "wma/2": Av("asf", "wmav2"),
    "wma/mp3": Av("asf", "libmp3lame"),
    "wma/pcm": Av("asf", "pcm_s16le"),
    "flac/libav": Av("flac", "flac"),
    "flac/32": Av("flac", "flac", sample_format="s32", codec_options=(("strict", "experimental"),)),
    **{f"wav/{codec}": Av("wav", codec) for codec in ("ac3", "adpcm_ms", "adpcm_ima_wav", "adpcm_yamaha", "pcm_f64le")},
    **{f"wav/{codec}": Av("wav", codec) for codec in ("mp2", "libmp3lame", "aac", "pcm_s32le")},
    **{
        f"aiff/{codec}": Av("aiff", codec) for codec in ("pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_f32be", "pcm_alaw")
    },
    **{f"au/{codec}": Av("au", codec) for codec in ("pcm_s16be", "pcm_f64be", "pcm_mulaw")},
    **{f"w64/{codec}": Av("w64", codec) for codec in ("pcm_s16le", "pcm_f32le", "libmp3lame")},
}
_OPUS = {
    "ogg/libopus": Av("ogg", "libopus"),
    "webm/libopus": Av("webm", "libopus"),
    "webm_live/libopus": Av("webm", "libopus", options=_LIVE),
    "matroska/libopus": Av("matroska", "libopus"),
    "mp4/libopus": Av("mp4", "libopus"),
}
_UNSUPPORTED = {"wav/adpcm_yamaha", "wav/aac"}
"""libav cannot decode the first from its middle, and finds no frames in the second."""
_LAYOUTS = {
    "m4a/aac": (1, 4, 5, 6),
    "m4a/alac": (1, 6),
    "aac": (1, 6),
    "ac3": (1, 6),
    "eac3": (1, 6),
    "matroska/flac": (1, 6),
    "tta": (1, 6),
    "wavpack": (1, 6),
    "ogg/flac": (1, 6),
    "wma/2": (1,),
    "mp3_without_tag": (1,),
}
_TABLE_OFF_S = 0.4
"""In a file of variable rate that is not read whole, the table in its tag says where the window is, in 1/256 of it."""
_NOISY = {"adpcm": 0.985, "wma/1": 0.985}


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _by_libsndfile()
    yield from _by_libav()
    yield from _opus()
    yield from _of_many_rates()


def _by_libsndfile() -> Iterator[Case]:
    for container, subtypes in _SUBTYPES.items():
        for subtype in subtypes:
            rate = 48_000 if subtype == "OPUS" else 44_100
            yield _case(f"{container}/{subtype}", Soundfile(container, subtype), rate, 2, _COARSE.get(subtype, 0.99))
    for container in ("WAV", "FLAC", "AIFF", "CAF", "OGG"):
        encoder = Soundfile(container, "VORBIS" if container == "OGG" else "PCM_16")
        for rate in _RATES:
            yield _case(f"{container}/{rate}", encoder, rate, 2)
        for channels in (1, 3, 4, 6, 8):
            yield _case(f"{container}/{channels}_channels", encoder, 44_100, channels)
    for mode in ("CONSTANT", "AVERAGE", "VARIABLE"):
        encoder = Soundfile("MP3", "MPEG_LAYER_III", mode)
        for rate, channels in ((44_100, 2), (44_100, 1), (22_050, 2), (8_000, 1)):
            case = _case(f"MP3/{mode}/{rate}/{channels}_channels", encoder, rate, channels)
            yield case if mode == "CONSTANT" else replace(case, late_s=_TABLE_OFF_S)
    yield _case("WAV/RIFX", Soundfile("WAV", "PCM_16", endian="BIG"), 44_100, 2)
    yield _case("AU/little", Soundfile("AU", "PCM_16", endian="LITTLE"), 44_100, 2)


def _by_libav() -> Iterator[Case]:
    for name, encoder in _AV.items():
        least = next((value for part, value in _NOISY.items() if part in name), 0.99)
        case = _case(f"av/{name}", encoder, 44_100, 2, least)
        case = replace(case, outcome=frozenset({"unsupported"})) if name in _UNSUPPORTED else case
        yield replace(case, **_undeclared(1152, 44_100)) if name == "w64/libmp3lame" else case
        for channels in _LAYOUTS.get(name, ()):
            rich = replace(encoder, kbps=max(encoder.kbps, 80 * channels))
            yield _case(f"av/{name}/{channels}_channels", rich, 48_000, channels, least)
    for container in ("amr", "3gp"):
        yield _case(f"av/{container}/amr", Av(container, "libopencore_amrnb", kbps=12), 8_000, 1, 0.6)


def _opus() -> Iterator[Case]:
    for name, encoder in _OPUS.items():
        for rate, channels in ((48_000, 2), (48_000, 1), (48_000, 6), (16_000, 2)):
            yield _case(f"av/{name}/{rate}/{channels}_channels", encoder, rate, channels)


def _of_many_rates() -> Iterator[Case]:
    for rate in _MPEG_RATES:
        yield replace(_case(f"mp3_without_tag/{rate}", _AV["mp3_without_tag"], rate, 2), **_undeclared(1152, rate))
    for rate in (8_000, 16_000, 24_000, 32_000, 96_000):
        yield replace(_case(f"av/aac/{rate}", _AV["aac"], rate, 2), **_undeclared(1024, rate))
    for rate in (32_000, 48_000):
        yield _case(f"av/ac3/{rate}", _AV["ac3"], rate, 2)
        yield _case(f"av/eac3/{rate}", _AV["eac3"], rate, 2)


def _undeclared(frame_samples: int, rate: int) -> dict[str, float]:
    """The delay of the encoder, and its last frame, count as sound: nothing in the file says otherwise."""
    return {"duration_off_s": 0.05 + 2 * frame_samples / rate, "late_s": 0.06 + 2 * frame_samples / rate}


def _case(name: str, encoder: Encoder, rate: int, channels: int, correlation: float = 0.99) -> Case:
    return Case(name, partial(encode, encoder, rate, channels), correlation=correlation)
