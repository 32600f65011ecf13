"""How long MPEG audio is: by the tag in the first frame, by its constant bit rate, or by counting frames."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import MPEG_CODECS, Checked, Joined, Libav, Libsndfile, Link
from genre_batch.decode.mpeg_frames import FrameHeader, VbrTag, find_frame, parse_header, parse_vbr_tag
from genre_batch.decode.mpeg_scan import Frames, scan_frames
from genre_batch.decode.rejected import rejected, require_bytes
from genre_batch.decode.tags import before_tags, id3v2_bytes
from genre_batch.storage.ranged_file import read_at
from genre_batch.storage.spliced_file import ByteRange, skip_prefix, splice

PROBE_BYTES = 32 * 1024
"""Read at the start, in the middle and at the end of a stream."""

_LANDING_BYTES = 8 * 1024
_MAX_SCANNED_BYTES = 64 * 1024 * 1024
_SMALL_BYTES = 1 << 20
_TAG_TOLERANCE_BYTES = 4096
_BIT_RATES = (8, 450)
"""In kbit/s."""
_MOST_OF_IT = 0.999
_FRAMES_OFF = 2
_ALIGNMENT_BYTES = 2
_MAX_LINKS = 1000
_MAX_RUNS = 4096
_MANY_FRAMES = 6
_SEARCHED_BYTES = 64 * 1024
_LIBAV = Libav("mp3", MPEG_CODECS)


def content_end(source: BinaryIO, size_bytes: int) -> int:
    """The byte at which the frames end, before tags and zeros. Looks only if a tag in front does not confirm the size.

    The last frame may itself end with zeros.
    """
    head = read_at(source, 0, PROBE_BYTES)
    first = parse_header(head)
    tag = parse_vbr_tag(head, 0, first) if first is not None else None
    if tag is not None and tag.audio_bytes is not None and abs(size_bytes - tag.audio_bytes) <= _TAG_TOLERANCE_BYTES:
        return size_bytes
    end = before_tags(source, size_bytes)
    start = max(0, end - PROBE_BYTES)
    probe = read_at(source, start, PROBE_BYTES)
    at = find_frame(probe)
    header = parse_header(probe, at) if at is not None else None
    while at is not None and header is not None and start + at < end:
        at += header.frame_bytes
        header = parse_header(probe, at)
    return min(size_bytes, max(end, start + at)) if at is not None and end < size_bytes else end


def check_whole(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the tag in the first frame with the file, and measures the length if it does not declare the right one.

    If the tag covers less than the file, other files were joined to it: each is decoded on its own. Streams without a
    tag whose frames have one bit rate, and are where that rate puts them in the middle and at the end, are taken for
    constant, and their length is computed. For others every frame is counted, which takes the whole file; above 64 MiB
    the mean bit rate has to do (no window reaches the end of such a long track anyway). libav decodes these, since
    libsndfile misreads them, and gets to see the frames without what lies between them.
    """
    links, at = list[Link](), 0
    while True:
        part = skip_prefix(source, at, size_bytes)
        checked, covered = _check_part(part, size_bytes - at)
        if not covered and not links:
            return checked
        end = at + covered if covered else size_bytes
        decoders = checked.decoders or (Libsndfile(),)
        joined = decoders[0]
        if isinstance(joined, Joined):
            links += [_moved(link, at) for link in joined.links]
        else:
            links.append(Link((ByteRange(at, end),), decoders, checked.frames))
        if not covered or len(links) >= _MAX_LINKS:
            return Checked(decoders=(Joined(tuple(links)),))
        at = end + id3v2_bytes(read_at(source, end, 10))


def _moved(link: Link, offset: int) -> Link:
    pieces = tuple(ByteRange(p.start + offset, p.end + offset) if isinstance(p, ByteRange) else p for p in link.pieces)
    return replace(link, pieces=pieces)


def _check_part(source: BinaryIO, size_bytes: int) -> tuple[Checked, int]:
    """What the first of several joined streams is, and how many bytes it takes; 0 for the whole of the file."""
    head = read_at(source, 0, PROBE_BYTES)
    first = parse_header(head)
    if first is None:
        raise rejected(RejectReason.CORRUPT, "no MPEG audio frame at the start")
    tag = parse_vbr_tag(head, 0, first)
    if tag is None or not tag.frames:
        if tag is not None and tag.audio_bytes is not None:
            require_bytes("the Xing or VBRI tag", tag.audio_bytes, size_bytes)
        return _check_untagged(source, size_bytes, head, first), 0
    by_tag = Checked(frames=tag.frames * first.samples, decoders=(_LIBAV,)) if tag.is_vbri else Checked()
    declared = tag.audio_bytes or _constant_bytes(head, first, tag) or size_bytes
    plausible = _BIT_RATES[0] <= declared / tag.frames / first.samples * first.sample_rate / 125 <= _BIT_RATES[1]
    constant_bytes = _constant_bytes(head, first, tag) or declared
    if plausible and abs(constant_bytes - declared) <= max(_TAG_TOLERANCE_BYTES, declared // 50):
        if size_bytes - declared > max(_TAG_TOLERANCE_BYTES, declared // 1000):
            if _stream_begins(source, declared):
                return by_tag, declared
        elif declared - size_bytes <= max(_TAG_TOLERANCE_BYTES, declared // 1000):
            return by_tag, 0
    frames = scan_frames(source, first.frame_bytes, size_bytes, first)
    if (
        plausible
        and declared < size_bytes
        and len(frames.runs) <= _MAX_RUNS
        and abs(frames.count - tag.frames) <= _FRAMES_OFF
    ):
        pieces = (ByteRange(0, first.frame_bytes), *frames.runs)
        link = Link(pieces, by_tag.decoders or (Libsndfile(),), by_tag.frames)
        return Checked(decoders=(Joined((link,)),)), 0
    if declared > size_bytes and frames.count < tag.frames * _MOST_OF_IT:
        require_bytes("the Xing or VBRI tag", declared, size_bytes)
    return _check_runs(source, size_bytes, frames, first), 0


def _constant_bytes(head: bytes, first: FrameHeader, tag: VbrTag) -> int | None:
    """The bytes that the frames of the tag take if all have the rate of the first one with sound."""
    audio = parse_header(head, first.frame_bytes)
    if audio is None or not tag.constant or not tag.frames:
        return None
    return tag.frames * audio.samples * audio.bitrate_kbps * 125 // audio.sample_rate + first.frame_bytes


def _stream_begins(source: BinaryIO, byte: int) -> bool:
    """Whether frames begin at `byte`, perhaps after an ID3v2 tag."""
    byte += id3v2_bytes(read_at(source, byte, 10))
    return find_frame(read_at(source, byte, _LANDING_BYTES), search_bytes=1) == 0


def _check_untagged(source: BinaryIO, size_bytes: int, head: bytes, first: FrameHeader) -> Checked:
    rates = probe_rates(source, size_bytes, head, first)
    mean_frames = round(size_bytes / (125 * sum(rates) / len(rates)) * first.sample_rate)
    constant = len(set(rates)) == 1
    if constant and size_bytes > _SMALL_BYTES and _is_aligned(source, size_bytes, first):
        return Checked(frames=mean_frames)
    if size_bytes > _MAX_SCANNED_BYTES:
        return Checked(frames=mean_frames, decoders=() if constant else (_LIBAV,))
    frames = scan_frames(source, 0, size_bytes, first)
    if len(frames.runs) == 1 and frames.runs[0].start == 0 and size_bytes - frames.runs[0].end < first.frame_bytes:
        return Checked(frames=frames.count * first.samples, decoders=() if constant else (_LIBAV,))
    return _check_runs(source, size_bytes, frames, first)


def _is_aligned(source: BinaryIO, size_bytes: int, first: FrameHeader) -> bool:
    """Whether the frames in the middle and at the end are where they must be if nothing lies between frames."""
    exact = first.samples * first.bitrate_kbps * 125 / first.sample_rate
    for start in (size_bytes // 2, max(0, size_bytes - PROBE_BYTES)):
        probe = read_at(source, start, PROBE_BYTES)
        at = find_frame(probe)
        header = parse_header(probe, at) if at is not None else None
        if at is None or header is None or not header.continues(first):
            return False
        off = (start + at) - round((start + at) / exact) * exact
        if abs(off) > _ALIGNMENT_BYTES and (start + at) % int(exact):
            return False
    return True


def _check_runs(source: BinaryIO, size_bytes: int, frames: Frames, first: FrameHeader) -> Checked:
    """Only the frames, without what lies between them; but if that is a stream of another rate or layer, it counts.

    Raises TrackRejected: `corrupt` if there are no frames.
    """
    if not frames.runs:
        raise rejected(RejectReason.CORRUPT, "no MPEG audio frames follow the first one")
    if len(frames.runs) > _MAX_RUNS:
        return Checked(frames=frames.count * first.samples, decoders=(_LIBAV,))
    links, runs, count = list[Link](), list[ByteRange](), 0
    ends = (*(run.start for run in frames.runs[1:]), size_bytes)
    for run, run_frames, next_start in zip(frames.runs, frames.counts, ends, strict=True):
        runs, count = [*runs, run], count + run_frames
        other = _other_stream(source, ByteRange(run.end, next_start))
        if other is not None:
            links += [Link(tuple(runs), (_LIBAV,), count * first.samples), other]
            runs, count = [], 0
    if runs:
        links.append(Link(tuple(runs), (_LIBAV,), count * first.samples))
    return Checked(frames=None if links[1:] else frames.count * first.samples, decoders=(Joined(tuple(links)),))


def _other_stream(source: BinaryIO, gap: ByteRange) -> Link | None:
    """MPEG audio in a gap between the frames of a stream; None if there is none."""
    if len(gap) < _LANDING_BYTES:
        return None
    head = read_at(source, gap.start, min(len(gap), _SEARCHED_BYTES))
    at = find_frame(head, _MANY_FRAMES, len(head))
    if at is None:
        return None
    part = ByteRange(gap.start + at, gap.end)
    checked = check_whole(splice(source, (part,)), len(part))
    return Link((part,), checked.decoders or (Libsndfile(),), checked.frames)


def probe_rates(source: BinaryIO, size_bytes: int, head: bytes, first: FrameHeader) -> list[int]:
    """Bit rates in kbit/s of the frames at the start (in `head`), in the middle and at the end of the stream."""
    positions = (size_bytes // 2, max(0, size_bytes - PROBE_BYTES))
    probes = (head, *(read_at(source, at, PROBE_BYTES) for at in positions))
    return [first.bitrate_kbps, *(rate for probe in probes for rate in _rates_in(probe, first))]


@lru_cache(maxsize=6)  # a file is checked and its window is located, and both look at the same three places
def _rates_in(probe: bytes, first: FrameHeader) -> tuple[int, ...]:
    """The bit rates in `probe` from its first confirmed frame on, as long as they continue the stream of `first`."""
    return tuple(header.bitrate_kbps for header in _headers(probe, first))


def _headers(probe: bytes, first: FrameHeader) -> Iterator[FrameHeader]:
    at = find_frame(probe)
    header = parse_header(probe, at) if at is not None else None
    while at is not None and header is not None and header.continues(first):
        yield header
        at += header.frame_bytes
        header = parse_header(probe, at)
