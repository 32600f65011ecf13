"""What a file is, by its first bytes; its name never counts."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.byte_source import read_at
from genre_batch.decode.mpeg_audio import find_frame
from genre_batch.decode.rejected import rejected

_HEAD_BYTES = 16 * 1024
_MOST_TAGS = 16
_ASF_HEADER = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
_W64_RIFF = bytes.fromhex("726966662E91CF11A5D628DB04C10000")


class AudioFormat(StrEnum):
    """The formats that can be decoded. A container that can hold several codecs is named by its codec."""

    WAV = "wav"
    RF64 = "rf64"
    W64 = "w64"
    AIFF = "aiff"
    AU = "au"
    FLAC = "flac"
    MP3 = "mp3"
    OGG_VORBIS = "ogg_vorbis"
    OGG_FLAC = "ogg_flac"
    OGG_OPUS = "ogg_opus"
    M4A = "m4a"
    WMA = "wma"


_OGG_CODECS = {
    b"\x01vorbis": AudioFormat.OGG_VORBIS,
    b"\x7fFLAC": AudioFormat.OGG_FLAC,
    b"OpusHead": AudioFormat.OGG_OPUS,
}


@dataclass(frozen=True, slots=True)
class Sniffed:
    """A format and the byte at which it begins, behind any ID3v2 tags."""

    format: AudioFormat
    offset: int


def id3v2_bytes(head: bytes) -> int:
    """Length of the ID3v2 tag that `head` begins with, header and footer counted; 0 if there is none."""
    if len(head) < 10 or head[:3] != b"ID3" or head[3] == 0xFF or max(head[6:10]) > 0x7F:
        return 0
    body = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + body + (10 if head[5] & 0x10 else 0)


def sniff(head: bytes) -> AudioFormat | None:
    """The format of a file that begins with `head` (16 KiB are enough but for large tags), or None.

    MPEG audio has no magic bytes: a frame header counts when the next one stands where it says.
    """
    tag = id3v2_bytes(head)
    if tag:
        return sniff(head[tag:])
    return _by_magic(head) or (AudioFormat.MP3 if find_frame(head) is not None else None)


def sniff_file(source: BinaryIO, size_bytes: int) -> Sniffed | None:
    """The format of a whole file and where it begins, past ID3v2 tags of any size; None if it is no known audio.

    Raises TrackRejected: `truncated` where a tag is longer than the file.
    """
    offset = 0
    for _ in range(_MOST_TAGS):
        head = read_at(source, offset, _HEAD_BYTES)
        tag = id3v2_bytes(head)
        if tag == 0:
            found = sniff(head)
            return Sniffed(found, offset + _junk_bytes(head, found)) if found else None
        offset += tag
        if offset > size_bytes:
            text = f"an ID3v2 tag ends at byte {offset}, the object has {size_bytes}"
            raise rejected(RejectReason.TRUNCATED, text)
    return None


def _junk_bytes(head: bytes, found: AudioFormat) -> int:
    """Bytes before the first frame: some taggers leave padding between the tag and the audio."""
    return (find_frame(head) or 0) if found is AudioFormat.MP3 else 0


def _by_magic(head: bytes) -> AudioFormat | None:
    magic, kind = head[:4], head[8:12]
    if magic in (b"RIFF", b"RIFX") and kind == b"WAVE":
        return AudioFormat.WAV
    if magic == b"RF64" and kind == b"WAVE":
        return AudioFormat.RF64
    if magic == b"FORM" and kind in (b"AIFF", b"AIFC"):
        return AudioFormat.AIFF
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide"):
        return AudioFormat.M4A
    if magic == b"OggS":
        return _ogg_codec(head)
    plain = {b"fLaC": AudioFormat.FLAC, b".snd": AudioFormat.AU, b"dns.": AudioFormat.AU}
    long = {_ASF_HEADER: AudioFormat.WMA, _W64_RIFF: AudioFormat.W64}
    return plain.get(magic) or long.get(head[:16])


def _ogg_codec(head: bytes) -> AudioFormat | None:
    """The first audio codec among the streams that begin in `head` (a video may come before it)."""
    for page in re.finditer(rb"OggS\x00[\x02\x06]", head):
        packet = page.start() + 27 + (head[page.start() + 26] if len(head) > page.start() + 26 else 0)
        for magic, codec in _OGG_CODECS.items():
            if head.startswith(magic, packet):
                return codec
    return None
