"""Windows Media Audio in ASF (Microsoft's ASF specification)."""

from typing import BinaryIO

from genre_batch.decode.audio_format import MPEG_CODECS, PCM_CODECS, Checked, Format, Libav, at_start
from genre_batch.decode.rejected import require_bytes
from genre_batch.storage.ranged_file import read_at

_HEADER = bytes.fromhex("3026B2758E66CF11A6D900AA0062CE6C")
_FILE_PROPERTIES = bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365")
_HEAD_BYTES = 64 * 1024
_BROADCAST = 1
_CODECS = frozenset({"wmav1", "wmav2", "wmapro", "wmalossless", "wmavoice", "aac"}) | MPEG_CODECS | PCM_CODECS


_DECODERS = (Libav("asf", _CODECS),)
_DECODERS_OF_BROADCASTS = (Libav("asf", _CODECS, counted=True),)


def declared_file_bytes(source: BinaryIO) -> int | None:
    """The size of the file by its File Properties object (section 3.2); None if it is missing or was a broadcast."""
    head = read_at(source, 0, _HEAD_BYTES)
    at = head.find(_FILE_PROPERTIES)
    if at < 0 or len(head) < at + 92:
        return None
    flags = int.from_bytes(head[at + 88 : at + 92], "little")
    return None if flags & _BROADCAST else int.from_bytes(head[at + 40 : at + 48], "little")


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the declared size with the file."""
    declared = declared_file_bytes(source)
    if declared is None:
        return Checked(decoders=_DECODERS_OF_BROADCASTS)
    require_bytes("the ASF header", declared, size_bytes)
    return Checked()


def content_end(source: BinaryIO, size_bytes: int) -> int:
    """The declared size, if the file has it."""
    return min(size_bytes, declared_file_bytes(source) or size_bytes)


FORMATS = (
    Format(
        "wma",
        sniff=lambda head: at_start(head[:16] == _HEADER),
        decoders=_DECODERS,
        check_whole=check_whole,
        content_end=content_end,
    ),
)
