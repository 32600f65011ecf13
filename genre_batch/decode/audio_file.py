"""An audio file whose format is known from its first bytes; its name is ignored."""

import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode import formats
from genre_batch.decode.audio_format import Checked, Format, Location, Spans
from genre_batch.decode.rejected import rejected
from genre_batch.decode.tags import apev2_header_bytes, id3v2_bytes, plain_id3v2_bytes
from genre_batch.storage.ranged_file import read_at
from genre_batch.storage.spliced_file import ByteRange, skip_prefix, splice

SMALL_BYTES = 1 << 20
"""Files up to this size are read whole: locating their window would take more requests than it saves bytes."""

HEAD_BYTES = 16 * 1024
"""What formats are recognized by."""

_MAX_TAGS = 16
_SEARCHED_BYTES = 256 * 1024
_MAX_OWN_ZEROS = 3
"""With how many zeros the formats begin that follow zeros: the length of an MP4 box."""


def discover_formats() -> tuple[Format, ...]:
    """The FORMATS of all modules in `formats/` by name of module, those without magic bytes last."""
    names = sorted(module.name for module in pkgutil.iter_modules(formats.__path__))
    found: list[Format] = []
    for name in names:
        found += import_module(f"{formats.__name__}.{name}").FORMATS
    return tuple(sorted(found, key=lambda audio_format: not audio_format.has_magic))


FORMATS = discover_formats()


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file of a known format.

    source: the file from the first byte of the format on; size_bytes: its size.
    offset: the byte of the object at which it begins, after ID3v2 tags and padding.
    """

    format: Format
    source: BinaryIO
    size_bytes: int
    offset: int

    def check_whole(self) -> Checked:
        """What the headers say. Raises TrackRejected: `truncated` or `corrupt`, as in Format."""
        return self.format.check_whole(self.source, self.size_bytes)

    def read(self, start: int, length: int) -> bytes:
        """The bytes `start` to `start + length` of the audio; fewer only at its end."""
        return read_at(self.source, start, length)

    def locate(self, spans: Spans) -> Sequence[Location] | None:
        """The location of each span; None for small files, and if the whole file has to be read to find them.

        The answer depends on the bytes alone, and never on how they are read. Announces the parts with the spans to
        `source`.
        """
        if self.format.locate is None or self.size_bytes <= SMALL_BYTES:
            return None
        try:
            return self.format.locate(self.source, self.size_bytes, spans)
        except (ArithmeticError, LookupError, ValueError):  # headers that make no sense
            return None


def open_audio(source: BinaryIO, size_bytes: int) -> AudioFile | None:
    """The audio in an object of `size_bytes`, after tags and zeros of any size; None if its format is unknown.

    Raises TrackRejected: `truncated` if a tag is longer than the object.
    """
    offset, plain_end = 0, 0
    for _ in range(_MAX_TAGS):
        head = read_at(source, offset, HEAD_BYTES)
        tag = id3v2_bytes(head) or apev2_header_bytes(head)
        plain_end = offset + plain_id3v2_bytes(head) if head[:3] == b"ID3" else plain_end
        if tag == 0:
            return (
                _open_at(source, size_bytes, offset, head)
                or (_open_at(source, size_bytes, plain_end) if offset < plain_end < size_bytes else None)
                or _search(source, size_bytes, offset)
            )
        offset += tag
        if offset > size_bytes:
            text = f"a tag in front of the audio ends at byte {offset}, the object has {size_bytes}"
            raise rejected(RejectReason.TRUNCATED, text)
    return None


def _search(source: BinaryIO, size_bytes: int, offset: int) -> AudioFile | None:
    """The audio after zeros, or after other bytes if its format consists of nothing but frames."""
    data = read_at(source, offset, _SEARCHED_BYTES)
    zeros = len(data) - len(data.lstrip(b"\0"))
    if 0 < zeros < len(data):
        for own in range(min(zeros, _MAX_OWN_ZEROS + 1)):
            after_zeros = _open_at(source, size_bytes, offset + zeros - own)
            if after_zeros is not None:
                return after_zeros
    for audio_format in FORMATS:
        at = audio_format.search(data) if audio_format.search is not None else None
        if at is not None:
            return _open_at(source, size_bytes, offset + at)
    return None


def _open_at(source: BinaryIO, size_bytes: int, offset: int, head: bytes = b"") -> AudioFile | None:
    head = head or read_at(source, offset, HEAD_BYTES)
    for audio_format in FORMATS:
        start = audio_format.sniff(head)
        if start is not None:
            begin = offset + start
            whole = skip_prefix(source, begin, size_bytes)
            end = begin + audio_format.content_end(whole, size_bytes - begin)
            content = whole if end == size_bytes else splice(source, [ByteRange(begin, end)])
            return AudioFile(audio_format, content, end - begin, begin)
    return None
