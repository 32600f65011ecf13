"""The last page of an Ogg file (RFC 3533)."""

from typing import BinaryIO

from genre_batch.decode.byte_source import read_at

_LARGEST_PAGE = 27 + 255 + 255 * 255


def last_page_end(source: BinaryIO, size_bytes: int) -> int | None:
    """The byte at which the last page ends by its own header (past `size_bytes` if it was cut); None if none is found.

    Raises nothing: a page header that is itself cut counts as a page that ends just past the file.
    """
    start = max(0, size_bytes - 2 * _LARGEST_PAGE)
    tail = read_at(source, start, size_bytes - start)
    at = tail.rfind(b"OggS\x00")
    if at < 0:
        return None
    segments = tail[at + 26] if len(tail) > at + 26 else 255
    table = tail[at + 27 : at + 27 + segments]
    if len(table) < segments:
        return size_bytes + 1
    return start + at + 27 + segments + sum(table)
