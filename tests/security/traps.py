"""Files that refer a careless player to another file or address."""

import struct
from collections.abc import Callable

import audio_samples

_DREF_ENTRY = b"\x00\x00\x00\x0curl \x00\x00\x00\x01"
_AROUND = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref")

Trap = Callable[[str], bytes]
"""Returns the bytes of a file that refers to a target: an address or a file path."""


def _text(template: str) -> Trap:
    return lambda target: (template.replace("TARGET", target) + "\n").encode()


PLAYLISTS: dict[str, Trap] = {
    "m3u8": _text("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nTARGET\n#EXT-X-ENDLIST"),
    "m3u8 with a key": _text('#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="TARGET"\n#EXTINF:9,\nTARGET\n#EXT-X-ENDLIST'),
    "m3u": _text("TARGET\nTARGET"),
    "ffconcat": _text("ffconcat version 1.0\nfile 'TARGET'\nduration 5"),
    "sdp": _text("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\na=tool:TARGET\nm=audio 9 RTP/AVP 0"),
    "dash": _text(
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT9S"><Period><AdaptationSet mimeType="audio/mp4"><Representation id="1" '
        'bandwidth="1"><BaseURL>TARGET</BaseURL></Representation></AdaptationSet></Period></MPD>'
    ),
    "xml with an entity": _text('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "TARGET">]><x>&e;</x>'),
    "pls": _text("[playlist]\nFile1=TARGET\nNumberOfEntries=1"),
    "asx": _text('<asx version="3.0"><entry><ref href="TARGET"/></entry></asx>'),
    "asf reference": _text("[Reference]\nRef1=TARGET\nRef2=TARGET"),
    "cue": _text('FILE "TARGET" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00'),
    "smil": _text('<smil><body><audio src="TARGET"/></body></smil>'),
    "concat protocol": _text("concat:TARGET|TARGET"),
    "m3u8 behind RIFF": _text("RIFF\x10\x00\x00\x00WAVE#EXTM3U\nTARGET"),
}


def behind_id3(trap: Trap) -> Trap:
    """The same file behind an ID3v2 tag, as in an MP3 file."""
    return lambda target: b"ID3\x03\x00\x00\x00\x00\x00\x0a" + bytes(10) + trap(target)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def _with_entry(entry: bytes) -> bytes:
    """An M4A file whose data reference `entry` says where the samples are."""
    data = audio_samples.encode(audio_samples.chirp(2.0), 44_100, "m4a")
    at = data.index(_DREF_ENTRY)
    result = bytearray(data[:at] + entry + data[at + len(_DREF_ENTRY) :])
    for kind in _AROUND:
        size_at = data.rindex(kind, 0, at) - 4
        size = int.from_bytes(data[size_at : size_at + 4]) + len(entry) - len(_DREF_ENTRY)
        result[size_at : size_at + 4] = size.to_bytes(4)
    return bytes(result)


def _alias(target: str) -> bytes:
    """A Macintosh alias entry, which libav can follow."""
    path = target.encode() + bytes(len(target) % 2)
    counts = (2).to_bytes(2) + len(path).to_bytes(2)
    return _box(b"alis", bytes(4) + bytes(10 + 28 + 12 + 64 + 16 + 4 + 16) + counts + path + b"\xff\xff\x00\x00")


def _reference_movie(target: str) -> bytes:
    """A QuickTime file that consists only of the address of another file."""
    address = target.encode() + b"\0"
    reference = _box(b"rdrf", bytes(4) + b"url " + struct.pack(">I", len(address)) + address)
    return (
        _box(b"ftyp", b"qt  " + bytes(4)) + _box(b"moov", _box(b"rmra", _box(b"rmda", reference))) + _box(b"mdat", b"")
    )


def _mp3_with_linked_picture(target: str) -> bytes:
    picture = b"\x00-->\x00\x03\x00" + target.encode()
    frames = b"APIC" + struct.pack(">IH", len(picture), 0) + picture
    link = b"\x00\x00" + target.encode()
    frames += b"WXXX" + struct.pack(">IH", len(link), 0) + link
    length = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + length + frames + audio_samples.encode(audio_samples.chirp(2.0), 44_100, "mp3")


def _flac_with_linked_picture(target: str) -> bytes:
    data, address = audio_samples.encode(audio_samples.chirp(2.0), 44_100, "flac"), target.encode()
    picture = struct.pack(">II", 3, 3) + b"-->" + struct.pack(">I", 0) + bytes(16)
    picture += struct.pack(">I", len(address)) + address
    info = 4 + 4 + 34
    return (
        data[:4] + bytes([data[4] & 0x7F]) + data[5:info] + b"\x06" + len(picture).to_bytes(3) + picture + data[info:]
    )


CONTAINERS: dict[str, Trap] = {
    "mp4 with an address": lambda target: _with_entry(_box(b"url ", bytes(4) + target.encode() + b"\0")),
    "mp4 with a name": lambda target: _with_entry(_box(b"urn ", bytes(4) + b"x\0" + target.encode() + b"\0")),
    "mp4 with an alias": lambda target: _with_entry(_alias(target)),
    "reference movie": _reference_movie,
}
LINKED_PICTURES: dict[str, Trap] = {"mp3": _mp3_with_linked_picture, "flac": _flac_with_linked_picture}
