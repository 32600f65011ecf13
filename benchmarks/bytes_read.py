"""How much of an object is read for a track, and whether that suffices, for each format.

    python benchmarks/bytes_read.py [--seconds 240] [--offset 60] [--bundle default] [--own-window]

Tracks are synthesised, with varying loudness so that variable bit rates vary, and read from a local folder by the
extract actor's reader, through the sandbox: 30 s from second OFFSET on, or with `--own-window` what the bundle hears.
The reference decodes the whole file from its start and cuts the same out of the samples. Prints one JSON object: the
share of the object that is read, requests, the largest difference of the segments from the reference (1.0 is one
standard deviation of log-mel), and whether the label agrees.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}

import argparse
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from genre_batch.catalog.track import Track
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.waveform import resample
from genre_batch.decode.window import Window
from genre_batch.demo.encode import Encoding, encode
from genre_batch.demo.synthesis import synthesise
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.features.segments import Segments
from genre_batch.model.bundle import load_bundle
from genre_batch.model.predictor import Predictor
from genre_batch.stages.object_reader import ObjectReader
from genre_batch.storage.local import LocalStore

Sound = npt.NDArray[np.float32]


def swelling(seconds: float, sample_rate: int) -> Sound:
    """Synthesised music [n, 2] that gets louder and softer every 37 s."""
    sound = synthesise("grind", 1, seconds, sample_rate)
    swell = 0.25 + 0.75 * np.sin(np.pi * np.arange(len(sound)) / sample_rate / 37) ** 2
    return (sound * swell[:, None]).astype(np.float32)


def mp3(sound: Sound, mode: str) -> bytes:
    """An MP3 file with constant or variable bit rate, with the encoder's tag."""
    target = io.BytesIO()
    settings = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": mode, "compression_level": 0.6}
    with soundfile.SoundFile(target, "w", 44_100, 2, **settings) as file:
        file.write(sound)
    return target.getvalue()


def without_tag(data: bytes) -> bytes:
    """The MP3 file without its first frame, which holds the tag."""
    return data[data.index(data[:2], 4) :]


def index_first(data: bytes) -> bytes:
    """The MP4 file `ftyp, free, mdat, moov` with `moov` moved in front of `mdat`, as for streaming."""
    moov_at, mdat_at = data.rindex(b"moov") - 4, data.index(b"mdat") - 4
    moov = bytearray(data[moov_at:])
    table = moov.index(b"stco") + 8
    for at in range(table + 4, table + 4 + 4 * int.from_bytes(moov[table : table + 4], "big"), 4):
        moov[at : at + 4] = (int.from_bytes(moov[at : at + 4], "big") + len(moov)).to_bytes(4, "big")
    return data[:mdat_at] + bytes(moov) + data[mdat_at:moov_at]


def files(seconds: float) -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of each format."""
    sound = swelling(seconds, 44_100)
    constant, variable = mp3(sound, "CONSTANT"), mp3(sound, "VARIABLE")
    yield from {"mp3_cbr": constant, "mp3_cbr_without_tag": without_tag(constant)}.items()
    yield from {"mp3_vbr": variable, "mp3_vbr_without_tag": without_tag(variable)}.items()
    for encoding in (Encoding.FLAC, Encoding.WAV, Encoding.AIFF, Encoding.VORBIS, Encoding.ALAC):
        yield encoding.name.lower(), encode(sound, 44_100, encoding)
    yield "opus", encode(swelling(seconds, 48_000), 48_000, Encoding.OPUS)
    aac = encode(sound, 44_100, Encoding.AAC)
    yield from {"aac_index_last": aac, "aac_index_first": index_first(aac)}.items()


def reference(data: bytes, window: Window, front_end: FrontEnd) -> Segments:
    """The segments of the window, cut out of the fully decoded file."""
    whole = decode_window(io.BytesIO(data), len(data), "", Window(length_s=1e5))
    pieces = []
    for span in window.spans_s("", whole.facts.duration_s):
        start = round(span.start_s * whole.sample_rate)
        part = whole.samples[start : start + round(span.length_s * whole.sample_rate)]
        pieces.append(resample(part, whole.sample_rate, front_end.sample_rate))
    return front_end.segments(*pieces)


def measure(path: Path, front_end: FrontEnd, label: Callable[[Segments], int]) -> dict[str, float | int | bool]:
    """The cost of reading one track, and how its segments differ from the reference."""
    (stored,) = LocalStore().list(f"{path.parent}/")
    reader, sandboxed = ObjectReader(front_end.window), SandboxedFrontEnd(front_end, deadline_s=30.0)
    ((track, read),) = reader.ranges([Track("", stored.uri, stored.etag, stored.size_bytes)])
    found = sandboxed.extract(track, read).segments
    sandboxed.close()
    wanted = reference(path.read_bytes(), front_end.window, front_end)
    return {
        "object_bytes": track.size_bytes,
        "share_read": round(reader.bytes_read / track.size_bytes, 4),
        "requests": reader.reads,
        "segments_equal": bool(np.array_equal(found, wanted)),
        "largest_difference": float(np.abs(found.astype(np.float32) - wanted.astype(np.float32)).max()),
        "label_equal": label(found) == label(wanted),
    }


def table(
    seconds: float, offset_s: int, bundle_uri: str, *, own_window: bool
) -> dict[str, dict[str, float | int | bool]]:
    """One row per format."""
    bundle = load_bundle(bundle_uri)
    front_end = bundle.manifest.front_end
    if not own_window:
        window = Window(length_s=30.0, min_offset_s=offset_s, max_offset_s=offset_s)
        front_end = front_end.model_copy(update={"window": window})
    predictor = Predictor(bundle, device="cpu", precision="fp32")

    def label(segments: Segments) -> int:
        return int(predictor.logits(segments).mean(axis=0).argmax())

    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files(seconds):
            path = Path(folder) / name / "track"
            path.parent.mkdir()
            path.write_bytes(data)
            rows[name] = measure(path, front_end, label)
            path.unlink()
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--offset", type=int, default=60)
    parser.add_argument("--bundle", default="default")
    parser.add_argument("--own-window", action="store_true")
    given = parser.parse_args()
    print(json.dumps(table(given.seconds, given.offset, given.bundle, own_window=given.own_window), indent=1))
