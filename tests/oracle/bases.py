"""The files that are tagged, joined, forged and damaged, one per format."""

from dataclasses import dataclass
from functools import cache

from oracle.encoders import Av, Encoder, Soundfile, encode
from oracle.song import SONG, Piece


@dataclass(frozen=True, slots=True)
class Base:
    """One format. cut: what becomes of half of a file; `scored` if nothing says how long it should be."""

    encoder: Encoder
    cut: str
    rate: int = 44_100
    correlation: float = 0.99
    channels: int = 2

    def data(self, pieces: tuple[Piece, ...] = SONG, channels: int | None = None) -> bytes:
        """The pieces as a file."""
        if pieces == SONG and channels in (None, self.channels):
            return _song(self)
        return encode(self.encoder, self.rate, channels or self.channels, pieces)


@cache
def _song(base: Base) -> bytes:
    """The whole song: every part of the oracle changes these files, some 100 MB in all."""
    return encode(base.encoder, base.rate, base.channels)


_LIVE = (("live", "1"),)
_FRAGMENTS = (("movflags", "frag_keyframe+empty_moov+default_base_moof"), ("frag_duration", "1000000"))
_NO_TAGS = (("write_xing", "0"), ("id3v2_version", "0"))

BASES = {
    "wav": Base(Soundfile("WAV", "PCM_16"), "truncated"),
    "wav_float": Base(Soundfile("WAV", "FLOAT"), "truncated"),
    "wav_ulaw": Base(Soundfile("WAV", "ULAW"), "truncated", 8_000),
    "wav_adpcm": Base(Soundfile("WAV", "IMA_ADPCM"), "truncated", 22_050, 0.98),
    "rifx": Base(Soundfile("WAV", "PCM_16", endian="BIG"), "truncated"),
    "rf64": Base(Soundfile("RF64", "PCM_16"), "truncated"),
    "w64": Base(Soundfile("W64", "PCM_16"), "truncated"),
    "aiff": Base(Soundfile("AIFF", "PCM_16"), "truncated"),
    "au": Base(Soundfile("AU", "PCM_16"), "truncated"),
    "caf": Base(Soundfile("CAF", "PCM_16"), "truncated"),
    "flac": Base(Soundfile("FLAC", "PCM_16"), "truncated"),
    "flac_24": Base(Soundfile("FLAC", "PCM_24"), "truncated", 48_000),
    "mp3": Base(Soundfile("MP3", "MPEG_LAYER_III", "CONSTANT"), "truncated"),
    "mp3_vbr": Base(Soundfile("MP3", "MPEG_LAYER_III", "VARIABLE"), "truncated"),
    "mp3_bare": Base(Av("mp3", "libmp3lame", 128, _NO_TAGS), "scored"),
    "mp2": Base(Av("mp2", "mp2"), "scored"),
    "ogg": Base(Soundfile("OGG", "VORBIS"), "truncated"),
    "opus": Base(Av("ogg", "libopus", 96), "truncated", 48_000),
    "ogg_flac": Base(Av("ogg", "flac"), "truncated"),
    "m4a": Base(Av("ipod", "aac", 128), "truncated"),
    "alac": Base(Av("ipod", "alac"), "truncated"),
    "fragments": Base(Av("mp4", "aac", 128, _FRAGMENTS), "scored"),
    "wma": Base(Av("asf", "wmav2"), "truncated"),
    "aac": Base(Av("adts", "aac", 128), "scored"),
    "ac3": Base(Av("ac3", "ac3"), "scored"),
    "eac3": Base(Av("eac3", "eac3"), "scored"),
    "matroska": Base(Av("matroska", "flac"), "truncated"),
    "webm": Base(Av("webm", "libopus", 96), "truncated", 48_000),
    "matroska_live": Base(Av("matroska", "aac", 128, _LIVE), "scored"),
    "webm_live": Base(Av("webm", "libopus", 96, _LIVE), "scored", 48_000),
    "tta": Base(Av("tta", "tta"), "truncated"),
    "wavpack": Base(Av("wv", "wavpack"), "truncated"),
    "3gp": Base(Av("3gp", "aac", 128), "truncated"),
    "amr": Base(Av("amr", "libopencore_amrnb", 12), "scored", 8_000, 0.6, channels=1),
}
