"""CPU time of decoding the window compared with `librosa.load(offset=, duration=)`, for each format, in turns.

    python benchmarks/window_decode.py [--seconds 240] [--offset 60] [--repeats 5] [--pieces]

Both return 30 s of mono at 22,050 Hz, resampled by soxr at quality HQ. librosa reads M4A only with a package that it
does not install, so AAC and ALAC are compared with straightforward use of PyAV (seek, `to_ndarray` of each frame, mean,
`librosa.resample`). With `--pieces`, the eight pieces of 3 s that the default model hears are compared with our own
decode of the 30 s. Prints one JSON object: the least CPU milliseconds of the repeats, their ratio, and, without
`--pieces`, the largest difference of the samples.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}

import argparse
import io
import json
import time
from collections.abc import Callable

import av
import librosa
import numpy as np
from bytes_read import files

from genre_batch.decode.decoder import decode_window
from genre_batch.decode.waveform import Samples, resample
from genre_batch.decode.window import Window

SAMPLE_RATE = 22_050
LENGTH_S = 30.0
PIECES = Window(length_s=3.0, pieces=8)


def ours(data: bytes, offset_s: int) -> Samples:
    """The window, as the extract actor decodes it."""
    return decoded(data, Window(length_s=LENGTH_S, min_offset_s=offset_s, max_offset_s=offset_s))


def decoded(data: bytes, window: Window) -> Samples:
    """What `window` hears of the track, one piece after another."""
    found = decode_window(io.BytesIO(data), len(data), "", window)
    return np.concatenate([resample(piece, found.sample_rate, SAMPLE_RATE) for piece in found.pieces])


def with_librosa(data: bytes, offset_s: int) -> Samples:
    """The window, decoded with librosa."""
    return librosa.load(io.BytesIO(data), sr=SAMPLE_RATE, offset=offset_s, duration=LENGTH_S)[0]


def with_pyav(data: bytes, offset_s: int) -> Samples:
    """The window, decoded as in PyAV's documentation."""
    with av.open(io.BytesIO(data)) as file:
        stream = file.streams.audio[0]
        file.seek(offset_s * av.time_base)
        pieces, start = [], 0.0
        for frame in file.decode(stream):
            start = start if pieces else float(frame.time or 0.0)
            pieces.append(frame.to_ndarray())
            if float(frame.time or 0.0) > offset_s + LENGTH_S:
                break
    sound = np.concatenate(pieces, axis=1)
    sound = sound.astype(np.float32) / (1.0 if sound.dtype.kind == "f" else 32_768.0)
    first = round((offset_s - start) * stream.rate)
    mono = sound.mean(axis=0)[first : first + round(LENGTH_S * stream.rate)]
    return librosa.resample(mono, orig_sr=stream.rate, target_sr=SAMPLE_RATE)


def least_ms(repeats: int, *calls: Callable[[], Samples]) -> list[float]:
    """The least CPU milliseconds of each call. They take turns, after a warm-up call of each."""
    times_ms = [[1000.0 * timed(call) for call in calls] for _ in range(1 + repeats)]
    return [min(row[column] for row in times_ms[1:]) for column in range(len(calls))]


def timed(call: Callable[[], Samples]) -> float:
    """CPU seconds of one call."""
    start_s = time.process_time()
    call()
    return time.process_time() - start_s


def table(seconds: float, offset_s: int, repeats: int) -> dict[str, dict[str, float | str]]:
    """One row per format."""
    rows: dict[str, dict[str, float | str]] = {}
    for name, data in files(seconds):
        peer = with_pyav if name.startswith(("aac", "alac")) else with_librosa
        ours_ms, peer_ms = least_ms(repeats, lambda: ours(data, offset_s), lambda: peer(data, offset_s))  # noqa: B023
        one, other = ours(data, offset_s), peer(data, offset_s)
        count = min(len(one), len(other))
        rows[name] = {
            "peer": peer.__name__,
            "ours_ms": round(ours_ms, 1),
            "peer_ms": round(peer_ms, 1),
            "ratio": round(ours_ms / peer_ms, 3),
            "largest_difference": float(np.abs(one[:count] - other[:count]).max()),
        }
    return rows


def table_of_pieces(seconds: float, offset_s: int, repeats: int) -> dict[str, dict[str, float]]:
    """One row per format: eight pieces against one window."""
    rows = {}
    for name, data in files(seconds):
        one_ms, pieces_ms = least_ms(repeats, lambda: ours(data, offset_s), lambda: decoded(data, PIECES))  # noqa: B023
        rows[name] = {
            "window_ms": round(one_ms, 1),
            "pieces_ms": round(pieces_ms, 1),
            "ratio": round(pieces_ms / one_ms, 3),
        }
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=240.0)
    parser.add_argument("--offset", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pieces", action="store_true")
    given = parser.parse_args()
    measure = table_of_pieces if given.pieces else table
    print(json.dumps(measure(given.seconds, given.offset, given.repeats), indent=1))
