"""What a file is that is not supported, for the message of its reject. Nothing is decoded by it."""

_MAGICS: tuple[tuple[int, bytes, str], ...] = (
    (8, b"AVI ", "AVI"),
    (0, b"FLV", "Flash video"),
    (0, b".RMF", "RealMedia"),
    (0, b".ra\xfd", "RealAudio"),
    (0, b"MThd", "MIDI"),
    (0, b"tBaK", "TAK"),
    (0, b"ajkg", "Shorten"),
    (0, b"OFR ", "OptimFROG"),
    (0, b"LA0", "Lossless Audio"),
    (0, b"MACF", "Monkey's Audio with floating point samples"),
    (0, b"MP+", "Musepack of stream version 4 to 6"),
    (0, b"ADIF", "AAC in ADIF"),
    (0, b"#!AMR", "AMR of several channels"),
    (0, b"\x7f\xfe\x80\x01", "DTS"),
    (0, b"\xfe\x7f\x01\x80", "DTS"),
    (4, b"\xf8\x72\x6f", "TrueHD or MLP"),
    (0, b"Creative Voice File", "Creative Voice"),
    (0, b"nut/multimedia container", "NUT"),
    (0, b"OMA", "Sony OpenMG"),
    (0, b"ea3", "Sony OpenMG"),
    (0, b"TWIN", "TwinVQ"),
    (0, b"IMPM", "Impulse Tracker module"),
    (0, b"Extended Module:", "FastTracker module"),
    (0, b"\x00\x00\x01\xba", "MPEG program stream"),
    (0, b"\x00\x05\x16\x07", "AppleDouble, which macOS writes beside a file"),
    (0, b"ID3", "an ID3v2 tag without audio behind it"),
    (0, b"#EXTM3U", "a playlist"),
    (0, b"[playlist]", "a playlist"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG", "PNG"),
    (0, b"GIF8", "GIF"),
    (0, b"%PDF", "PDF"),
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"Rar!", "RAR"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"7z\xbc\xaf", "7-Zip"),
    (0, b"version https://git-lfs", "a pointer of Git LFS"),
)
_TS_PACKET_BYTES, _TS_SYNC = 188, b"\x47"
_LOAS_SYNC = 0x2B7
_OGG_CODECS = ((b"Speex   ", "Speex"), (b"\x80theora", "Theora"), (b"CELT    ", "CELT"))


def what_else(head: bytes) -> str:
    """A message that names the format of a file by its first bytes, if it is known."""
    name = _name(head)
    if name is None:
        return "the first bytes are not those of a supported audio format"
    return f"the first bytes are those of a format that is not supported: {name}"


def _name(head: bytes) -> str | None:
    for at, magic, name in _MAGICS:
        if head.startswith(magic, at):
            return name
    if head[:4] == b"OggS":
        found = [name for magic, name in _OGG_CODECS if magic in head[:4096]]
        return f"{found[0] if found else 'an unknown codec'} in Ogg"
    if head[:1] == _TS_SYNC == head[_TS_PACKET_BYTES : _TS_PACKET_BYTES + 1]:
        return "MPEG transport stream"
    if int.from_bytes(head[:2], "big") >> 5 == _LOAS_SYNC:
        return "AAC in LOAS"
    if head.lstrip()[:1] == b"<":
        return "HTML or XML"
    return None
