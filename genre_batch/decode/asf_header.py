"""The file size that an ASF (WMA) header declares (Microsoft's ASF specification, section 3.2)."""

from typing import BinaryIO

from genre_batch.decode.byte_source import read_at

_FILE_PROPERTIES = bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365")
_HEAD_BYTES = 64 * 1024
_BROADCAST = 1


def declared_file_bytes(source: BinaryIO) -> int | None:
    """The size of the whole file by its File Properties object; None if there is none or the file was streamed."""
    head = read_at(source, 0, _HEAD_BYTES)
    at = head.find(_FILE_PROPERTIES)
    if at < 0 or len(head) < at + 92:
        return None
    flags = int.from_bytes(head[at + 88 : at + 92], "little")
    return None if flags & _BROADCAST else int.from_bytes(head[at + 40 : at + 48], "little")
