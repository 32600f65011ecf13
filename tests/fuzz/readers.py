"""Coverage-guided fuzzing of what reads hostile bytes in Python, with atheris.

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

with atheris.instrument_imports(include=["genre_batch.decode", "genre_batch.features.sandbox_wire"]):
    from genre_batch.catalog.reject import TrackRejected
    from genre_batch.decode import placing, prefetch
    from genre_batch.decode.asf_header import declared_file_bytes
    from genre_batch.decode.container import check_container
    from genre_batch.decode.flac_frames import last_sample, read_stream_info
    from genre_batch.decode.mp3_length import measure_mp3
    from genre_batch.decode.mp4_boxes import require_boxes
    from genre_batch.decode.ogg_pages import last_page_end
    from genre_batch.decode.ranged_file import RangedFile
    from genre_batch.decode.sandbox_wire import PeerError, receive, socket_pair, unpack_numbers
    from genre_batch.decode.sniff import AudioFormat, sniff_file
    from genre_batch.decode.window import Window
    from genre_batch.features.front_end import LogMelFrontEnd, TrackSegments
    from genre_batch.features.sandbox_wire import pack_segments, unpack_segments

placing.SMALL_BYTES = prefetch.SMALL_BYTES = 0  # such files are not looked into for their window

FORMATS = list(AudioFormat)
MOST_BYTES = 30_000
FRONT_END = LogMelFrontEnd(n_mels=4, segment_frames=8, segment_hop_frames=8)


def sniff(data: bytes) -> None:
    """What kind of file it is, and whether its container is sound."""
    found = sniff_file(io.BytesIO(data), len(data))
    if found is not None:
        assert 0 <= found.offset <= len(data)
        check_container(io.BytesIO(data[found.offset :]), len(data) - found.offset, found.format)


def container(data: bytes) -> None:
    """The container's check, whatever the format may be."""
    if data:
        check_container(io.BytesIO(data[1:]), len(data) - 1, FORMATS[data[0] % len(FORMATS)])


def flac_frames(data: bytes) -> None:
    """Stream info and the last frame."""
    info = read_stream_info(io.BytesIO(data))
    if info is not None:
        last_sample(io.BytesIO(data), len(data), info)


def asf_header(data: bytes) -> None:
    """The declared size is one that a header can hold."""
    declared = declared_file_bytes(io.BytesIO(data))
    assert declared is None or 0 <= declared < 1 << 64


@atheris.instrument_func
def window(data: bytes) -> None:
    """The window lies within the track, whatever its id and the rule."""
    duration_cs, length_ms, low, extra = struct.unpack("<IIHH", data[:12].ljust(12, b"\0"))
    duration_s, length_s = 1.0 + duration_cs / 100.0, 0.001 + length_ms / 1000.0
    rule = Window(length_s=length_s, min_offset_s=low, max_offset_s=low + extra)
    start_s, end_s = rule.span_s(data[12:].decode(errors="surrogateescape"), duration_s)
    assert 0.0 <= start_s <= max(0.0, duration_s - length_s)
    assert end_s == start_s + length_s


def fetched(data: bytes) -> None:
    """What an actor fetches before a child decodes lies within the file, and is as much as was asked for."""

    def read(start: int, length: int) -> bytes:
        assert 0 <= start < start + length <= len(data)
        return data[start : start + length]

    rule = Window(length_s=0.3, min_offset_s=0, max_offset_s=1)
    prefetch.prefetch(RangedFile(read, len(data)), "track", rule, whole_bytes=0)


def sandbox_wire(data: bytes) -> None:
    """One message of a child that lies, and an answer of it."""
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
    "mp4_boxes": lambda data: require_boxes(io.BytesIO(data), len(data)),
    "ogg_pages": lambda data: last_page_end(io.BytesIO(data), len(data)),
    "flac_frames": flac_frames,
    "mp3_length": lambda data: measure_mp3(io.BytesIO(data), len(data)),
    "asf_header": asf_header,
    "window": window,
    "prefetch": fetched,
    "sandbox_wire": sandbox_wire,
}


def write_seeds(folder: Path) -> None:
    """A short file of each encoding, with and without its format in a byte in front, as `container` has it."""
    sys.path.append(str(Path(__file__).parents[1]))
    from audio_samples import ENCODINGS, bursts, encode

    for encoding in ENCODINGS:
        data = encode(bursts(1.5, 8_000 if encoding.startswith("wav") else 48_000, 1), 48_000, encoding)[:MOST_BYTES]
        (folder / encoding).write_bytes(data)
        found = sniff_file(io.BytesIO(data), len(data))
        assert found is not None
        (folder / f"{encoding}_with_format").write_bytes(bytes([FORMATS.index(found.format)]) + data)
    for duration_cs, length_ms in ((30_000, 30_000), (500, 30_000), (4_500, 30_000)):
        (folder / f"window_{duration_cs}").write_bytes(
            struct.pack("<IIHH", duration_cs, length_ms, 15, 105) + b"\xc3\xa9"
        )
    for first, last in ((0.0, 1.0), (-1.0, -1.0)):
        segments = np.linspace(first, last, 64, dtype=np.float16).reshape(2, 1, 4, 8)
        (folder / f"segments_{last}").write_bytes(pack_segments(TrackSegments(segments, 30.0, 0.0, "soundfile")))


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
