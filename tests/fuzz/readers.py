"""Coverage-guided fuzzing of what reads hostile bytes in Python, with atheris.

    python tests/fuzz/readers.py TARGET [CORPUS_FOLDER] [-max_total_time=60 and other options of libFuzzer]

A target may end in a value or a TrackRejected; anything else is a finding, and atheris writes the bytes to a file that
replays it: python tests/fuzz/readers.py TARGET FILE. Without a folder it starts from the heads of real files.
"""

import io
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["genre_batch.decode", "genre_batch.features.sandbox_wire"]):
    from genre_batch.catalog.reject import TrackRejected
    from genre_batch.decode.asf_header import declared_file_bytes
    from genre_batch.decode.container import check_container
    from genre_batch.decode.flac_frames import last_sample, read_stream_info
    from genre_batch.decode.mp3_length import measure_mp3
    from genre_batch.decode.mp4_boxes import require_boxes
    from genre_batch.decode.ogg_pages import last_page_end
    from genre_batch.decode.sandbox_wire import PeerError, receive, socket_pair, unpack_numbers
    from genre_batch.decode.sniff import AudioFormat, sniff_file
    from genre_batch.decode.window import Window
    from genre_batch.features.front_end import LogMelFrontEnd
    from genre_batch.features.sandbox_wire import unpack_segments

FORMATS = list(AudioFormat)
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


def window(data: bytes) -> None:
    """The window lies within the track, whatever its id."""
    duration_s = 1.0 + int.from_bytes(data[:3], "big") / 100.0
    start_s = Window().start_s(data[3:].decode(errors="surrogateescape"), duration_s)
    assert 0.0 <= start_s <= max(0.0, duration_s - 30.0)


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
    "asf_header": lambda data: declared_file_bytes(io.BytesIO(data)),
    "window": window,
    "sandbox_wire": sandbox_wire,
}


def write_seeds(folder: Path) -> None:
    """The head of a short file of each format, with and without a byte in front, as `container` has it."""
    from genre_batch.demo.encode import Encoding, encode
    from genre_batch.demo.synthesis import synthesise

    for encoding in Encoding:
        data = encode(synthesise("metal", 1, 1.5, 48_000), 48_000, encoding)[:20_000]
        (folder / encoding.name).write_bytes(data)
        (folder / f"{encoding.name}_with_format").write_bytes(b"\x03" + data)


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
        atheris.Setup([sys.argv[0], "-max_len=20000", *options], test)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
