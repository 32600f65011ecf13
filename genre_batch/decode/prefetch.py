"""What decoding the window of a file will read, fetched before the decoder asks for it."""

from functools import partial
from typing import BinaryIO, cast

from genre_batch.catalog.reject import TrackRejected
from genre_batch.decode.container import check_container
from genre_batch.decode.placing import SMALL_BYTES, place_window
from genre_batch.decode.ranged_file import RangedFile
from genre_batch.decode.sniff import sniff_file
from genre_batch.decode.spliced_file import Part, skip_prefix
from genre_batch.decode.window import Window

_HEAD_BYTES = 64 * 1024


def prefetch(file: RangedFile, track_id: str, window: Window, *, whole_bytes: int) -> None:
    """Fetch into `file` what `decode_window` is going to read, in a few requests.

    Takes the first steps of `decode_window` itself, which ask for the same bytes of any file. Where they cannot tell,
    a file of up to `whole_bytes` is fetched whole, and of a larger one nothing more. Nothing native runs here, and no
    verdict is passed: a file that is not sound is met again by the decoder. Raises what reading raises.
    """
    if file.size_bytes <= SMALL_BYTES:
        file.load(0, file.size_bytes)
        return
    file.expect(0, _HEAD_BYTES)
    part = _part(file, track_id, window)
    if part is not None:
        file.load(part.start, part.end)
    elif file.size_bytes <= whole_bytes:
        file.load(0, file.size_bytes)


def _part(file: RangedFile, track_id: str, window: Window) -> Part | None:
    """The bytes of the window, after all has been read that the decoder checks before it comes to them."""
    source = cast(BinaryIO, file)
    try:
        sniffed = sniff_file(source, file.size_bytes)
        if sniffed is None:
            return None
        stream, size = skip_prefix(source, sniffed.offset, file.size_bytes), file.size_bytes - sniffed.offset
        place = place_window(stream, size, sniffed.format, partial(window.span_s, track_id))
        if place is None:
            return None
        check_container(stream, size, sniffed.format)
    except TrackRejected:
        if file.failure is not None:
            raise
        return Part(0, 0)
    return Part(sniffed.offset + place.part.start, sniffed.offset + place.part.end)
