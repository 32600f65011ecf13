"""What the decoder needs to know about one audio format. The modules of `formats/` supply the values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from genre_batch.decode.window import Span
from genre_batch.storage.spliced_file import ByteRange

MPEG_CODECS = frozenset({"mp3float", "mp3", "mp2float", "mp2"})
PCM_CODECS = frozenset(
    {"pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw"}
    | {"pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be"}
)
ADPCM_CODECS = frozenset({"adpcm_ima_qt", "adpcm_ima_wav", "adpcm_ms", "gsm_ms"})


@dataclass(frozen=True, slots=True)
class Libsndfile:
    """Decode with libsndfile, which recognizes the format itself."""


@dataclass(frozen=True, slots=True)
class Libav:
    """Decode with libav. demuxer: its name of the container format. codecs: its names of the decoders that may run.

    from_zero: reject streams whose time stamps begin later, since the file was composed for one that does not.
    counted: take the length from the packets, since libav would guess it from the bit rate.
    track: the number, from 0, of the audio track among those that may be decoded.
    seeks: False to pass over the packets in front of the window, since the demuxer goes to the wrong one.
    """

    demuxer: str
    codecs: frozenset[str]
    from_zero: bool = False
    counted: bool = False
    track: int = 0
    seeks: bool = True


@dataclass(frozen=True, slots=True)
class DrFlac:
    """Decode whole FLAC frames with dr_flac. frames: how many samples per channel they must yield."""

    frames: int


@dataclass(frozen=True, slots=True)
class Link:
    """A part of a file that is a file of its own, composed of `pieces`.

    frames, rate: as in Checked. decoders: as in Format.
    """

    pieces: tuple[ByteRange | bytes, ...]
    decoders: "tuple[Decoder, ...]"
    frames: int | None = None
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """Decode `links` one after another, at the rate of the first one."""

    links: tuple[Link, ...]


Decoder = Libsndfile | Libav | DrFlac | Joined
"""Which library decodes a file, and how. Data only, so that knowing a format loads no native library."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at the headers of a whole file has found.

    frames: samples per channel of the whole track; None if the decoder's own figure can be trusted.
    decoders: replace those of the format for files that these misread; empty otherwise.
    rate: of `frames`, in Hz; None if it is the decoder's. They differ if decoders double the rate (HE-AAC).
    """

    frames: int | None = None
    decoders: tuple[Decoder, ...] = ()
    rate: int | None = None

    def frames_at(self, sample_rate: int) -> int | None:
        """The frames at the decoder's rate."""
        return self.frames and round(self.frames * sample_rate / (self.rate or sample_rate))


@dataclass(frozen=True, slots=True)
class Splice:
    """A shorter file, composed of parts of the original, that decodes to the same window.

    omitted: samples per channel that are left out before the window: frame n of the track is frame n - `omitted` here.
    start, end: the frames of the track that the splice yields correctly; `end` is None if it extends to the last one.
    decoders: replace those of the format; empty otherwise.
    """

    pieces: tuple[ByteRange | bytes, ...]
    omitted: int
    start: int
    end: int | None = None
    decoders: tuple[Decoder, ...] = ()

    def covers(self, start: int, count: int) -> bool:
        """Whether it yields the `count` frames from `start` on."""
        return start >= self.start and (self.end is None or start + count <= self.end)


@dataclass(frozen=True, slots=True)
class Location:
    """Where a span is: the part of the file that has it, beside the head and the tail, and a splice if possible."""

    part: ByteRange
    splice: Splice | None = None


Spans = Callable[[float], Sequence[Span]]
"""The duration of a track in seconds to what is heard of it, in order; the last span may end past the track's end."""


def nothing_to_check(_source: BinaryIO, _size_bytes: int) -> Checked:
    """For formats whose headers do not say how long the file is."""
    return Checked()


def whole_content(_source: BinaryIO, size_bytes: int) -> int:
    """For formats whose decoders are not disturbed by what follows the audio."""
    return size_bytes


def at_start(matches: bool) -> int | None:
    """The answer of `Format.sniff` for a format that begins with magic bytes."""
    return 0 if matches else None


@dataclass(frozen=True, slots=True)
class Format:
    """One audio format. A container is one format, or one for each codec if these differ in what is said here.

    name: as users see it.
    sniff: the head of a file (16 KiB) to the byte at which the format begins in it; None if it is another format.
    decoders: tried in this order until one supports the file.
    check_whole: `(source, size_bytes)` of a file that begins at byte 0 to what its headers (and tail) say. Raises
        TrackRejected: `truncated` if they declare clearly more than the file has, `corrupt` if they are missing.
    locate: `(source, size_bytes, spans)` of such a file to the location of each span; None if only reading everything
        can find them. Announces the parts to `source`. May raise ArithmeticError, LookupError or ValueError for headers
        that make no sense.
    content_end: `(source, size_bytes)` of such a file to the byte at which its audio ends; tags and padding follow.
        The other functions get to see the file up to there.
    has_magic: whether the format begins with magic bytes. Others are considered last.
    places_take_reads: whether `locate` reads several parts of the file to find a place in it, as there is no table.
    search: the first bytes of a file, which may be anything, to the byte at which many frames begin to follow one
        another, or at which magic bytes are that are long enough; None if they do not.
    """

    name: str
    sniff: Callable[[bytes], int | None]
    decoders: tuple[Decoder, ...]
    check_whole: Callable[[BinaryIO, int], Checked] = nothing_to_check
    locate: Callable[[BinaryIO, int, Spans], Sequence[Location] | None] | None = None
    content_end: Callable[[BinaryIO, int], int] = whole_content
    has_magic: bool = True
    places_take_reads: bool = False
    search: Callable[[bytes], int | None] | None = None
