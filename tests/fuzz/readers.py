"""Coverage-guided fuzzing of the Python code that reads hostile bytes, with atheris.

    python tests/fuzz/readers.py TARGET [CORPUS_FOLDER] [-max_total_time=60 and other options of libFuzzer]

A target may end in a value or a TrackRejected; anything else is a finding, and atheris writes the bytes to a file that
replays it: python tests/fuzz/readers.py TARGET FILE. Without a folder it starts from short real files of every format.
"""

import io
import socket
import struct
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["genre_batch.decode", "genre_batch.features.front_end_wire"]):
    from genre_batch.catalog.reject import TrackRejected
    from genre_batch.catalog.track import TrackFacts
    from genre_batch.decode import audio_file, fetch_window
    from genre_batch.decode.audio_file import FORMATS, open_audio
    from genre_batch.decode.formats import mp3, mp4
    from genre_batch.decode.formats.asf import declared_file_bytes
    from genre_batch.decode.formats.flac import last_sample, read_stream_info
    from genre_batch.decode.formats.ogg import last_page_end
    from genre_batch.decode.window import Window
    from genre_batch.features.front_end import TrackSegments
    from genre_batch.features.front_end_wire import pack_segments, unpack_segments
    from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
    from genre_batch.sandbox.wire import PeerError, receive, socket_pair, unpack_numbers
    from genre_batch.storage.ranged_file import RangedFile

audio_file.SMALL_BYTES = fetch_window.SMALL_BYTES = 0  # the window of small files is not located

MOST_BYTES = 30_000
FRONT_END = LogMelFrontEnd(n_mels=4, segment_frames=8, segment_hop_frames=8)


def sniff(data: bytes) -> None:
    """The format of a file, and whether the file is whole."""
    audio = open_audio(io.BytesIO(data), len(data))
    if audio is not None:
        assert 0 <= audio.offset <= len(data)
        audio.check_whole()


def container(data: bytes) -> None:
    """Whether a file is whole, in the format that its first byte names."""
    if data:
        FORMATS[data[0] % len(FORMATS)].check_whole(io.BytesIO(data[1:]), len(data) - 1)


def flac_frames(data: bytes) -> None:
    """Stream info and the last frame."""
    info = read_stream_info(io.BytesIO(data))
    if info is not None:
        last_sample(io.BytesIO(data), len(data), info)


def asf_header(data: bytes) -> None:
    """The declared size fits the field in the header."""
    declared = declared_file_bytes(io.BytesIO(data))
    assert declared is None or 0 <= declared < 1 << 64


@atheris.instrument_func
def window(data: bytes) -> None:
    """The window is within the track, for any id and any rule."""
    duration_cs, length_ms, low, extra = struct.unpack("<IIHH", data[:12].ljust(12, b"\0"))
    duration_s, length_s = 1.0 + duration_cs / 100.0, 0.001 + length_ms / 1000.0
    rule = Window(length_s=length_s, min_offset_s=low, max_offset_s=low + extra)
    (span,) = rule.spans_s(data[12:].decode(errors="surrogateescape"), duration_s)
    assert 0.0 <= span.start_s <= max(0.0, duration_s - length_s)
    assert span.length_s == length_s


def fetched(data: bytes) -> None:
    """What an actor fetches before a child decodes is within the file."""

    def read(start: int, length: int) -> bytes:
        assert 0 <= start < start + length <= len(data)
        return data[start : start + length]

    rule = Window(length_s=0.3, min_offset_s=0, max_offset_s=1)
    fetch_window.fetch_window(RangedFile(read, len(data)), "track", rule, whole_bytes=0)


def sandbox_wire(data: bytes) -> None:
    """One message and one answer of a hostile child."""
    ours, theirs = socket_pair()
    with ours, theirs:
        theirs.send(data[:100_000])
        theirs.shutdown(socket.SHUT_WR)
        with suppress(PeerError):
            unpack_numbers(receive(ours).payload, 3)
    with suppress(ValueError):
        unpack_segments(data, FRONT_END)


TARGETS = {
    "sniff": sniff,
    "container": container,
    "mp4_boxes": lambda data: mp4.check_whole(io.BytesIO(data), len(data)),
    "ogg_pages": lambda data: last_page_end(io.BytesIO(data), len(data)),
    "flac_frames": flac_frames,
    "mp3_length": lambda data: mp3.check_whole(io.BytesIO(data), len(data)),
    "asf_header": asf_header,
    "window": window,
    "fetch_window": fetched,
    "sandbox_wire": sandbox_wire,
}


def write_seeds(folder: Path) -> None:
    """A short file of each encoding, with and without a first byte that names its format for `container`."""
    sys.path.append(str(Path(__file__).parents[1]))
    from audio_samples import ENCODINGS, bursts, encode
    from forged_headers import FORGED

    for name, forged in FORGED.items():
        (folder / name).write_bytes(forged()[:MOST_BYTES])
    for encoding in ENCODINGS:
        data = encode(bursts(1.5, 8_000 if encoding.startswith("wav") else 48_000, 1), 48_000, encoding)[:MOST_BYTES]
        (folder / encoding).write_bytes(data)
        audio = open_audio(io.BytesIO(data), len(data))
        assert audio is not None
        (folder / f"{encoding}_with_format").write_bytes(bytes([FORMATS.index(audio.format)]) + data)
    for duration_cs, length_ms in ((30_000, 30_000), (500, 30_000), (4_500, 30_000)):
        (folder / f"window_{duration_cs}").write_bytes(
            struct.pack("<IIHH", duration_cs, length_ms, 15, 105) + b"\xc3\xa9"
        )
    for first, last in ((0.0, 1.0), (-1.0, -1.0)):
        segments = np.linspace(first, last, 64, dtype=np.float16).reshape(2, 1, 4, 8)
        (folder / f"segments_{last}").write_bytes(
            pack_segments(TrackSegments(segments, TrackFacts(30.0, 0.0, "soundfile", 44_100, 2)))
        )


def main() -> None:
    """Fuzz the target that the first argument names."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.stderr.write(f"{__doc__}\nTARGET is one of {', '.join(TARGETS)}\n")
        sys.exit(2)
    target, options = TARGETS[sys.argv[1]], sys.argv[2:]

    def test(data: bytes) -> None:
        with suppress(TrackRejected):
            target(data)

    with tempfile.TemporaryDirectory() as folder:
        if all(option.startswith("-") for option in options):
            write_seeds(Path(folder))
            options = [folder, *options]
        atheris.Setup([sys.argv[0], f"-max_len={MOST_BYTES}", *options], test)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
