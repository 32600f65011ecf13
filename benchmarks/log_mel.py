"""The time and the accuracy of our log-mel compared with librosa's, and the part of the time spent in the FFT.

    python benchmarks/log_mel.py [FILE...] [--repeats 9]

FILE: music, of which 30 s are decoded; two synthesised MP3 tracks are added. Both run on one thread, taking turns in
one process. Prints one JSON object with the median ratio of CPU times and the least times in milliseconds.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}

import argparse
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np

from genre_batch.decode.decoder import decode_window
from genre_batch.decode.waveform import Samples, resample
from genre_batch.decode.window import Window
from genre_batch.demo.encode import Encoding, encode
from genre_batch.demo.synthesis import STYLES, synthesise
from genre_batch.features.allocator import keep_freed_memory
from genre_batch.features.front_ends.log_mel import log_mel

RATE, BANDS, TOP_DB = 22_050, 128, 80.0
SETTINGS = ((1024, 256), (2048, 512))


def decoded(data: bytes, name: str) -> Samples:
    """30 s of an encoded track at 22,050 Hz."""
    waveform = decode_window(io.BytesIO(data), len(data), name, Window())
    return resample(waveform.samples, waveform.sample_rate, RATE)


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start_s = time.process_time()
    call()
    return time.process_time() - start_s


def librosas(samples: Samples, n_fft: int, hop_length: int) -> np.ndarray:
    """The log-mel by librosa."""
    power = librosa.feature.melspectrogram(y=samples, sr=RATE, n_fft=n_fft, hop_length=hop_length, n_mels=BANDS)
    return np.asarray(librosa.power_to_db(power, ref=1.0, top_db=TOP_DB))


def transform(samples: Samples, n_fft: int) -> Callable[[], object]:
    """The part that neither can avoid: the same number of double-precision FFTs, 64 at a time, without allocation."""
    frames = np.random.default_rng(0).standard_normal((64, n_fft))
    spectrum = np.empty((64, n_fft // 2 + 1), np.complex128)
    blocks = -(-(1 + len(samples) // (n_fft // 4)) // 64)
    return lambda: [np.fft.rfft(frames, out=spectrum) for _ in range(blocks)]


def compare(samples: Samples, n_fft: int, hop_length: int, repeats: int) -> dict[str, float]:
    """The figures of one track with one setting."""

    def ours() -> np.ndarray:
        return log_mel(samples, sample_rate=RATE, n_fft=n_fft, hop_length=hop_length, n_mels=BANDS, top_db=TOP_DB)

    peer = librosas(samples, n_fft, hop_length)
    error = np.abs(ours() - peer) / np.maximum(1.0, np.abs(peer))
    calls = (ours, lambda: librosas(samples, n_fft, hop_length), transform(samples, n_fft))
    times_s = np.array([[seconds(call) for call in calls] for _ in range(repeats)])
    least_ms = times_s.min(axis=0) * 1000
    return {
        "ratio": round(float(np.median(times_s[:, 0] / times_s[:, 1])), 3),
        "log_mel_ms": round(float(least_ms[0]), 2),
        "librosa_ms": round(float(least_ms[1]), 2),
        "transform_ms": round(float(least_ms[2]), 2),
        "largest_error": float(f"{error.max():.1e}"),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    tracks = {file.name: file.read_bytes() for file in arguments.files}
    for style in ("grind", next(style for style in STYLES if style != "grind")):
        tracks[f"synthesised {style}"] = encode(synthesise(style, 1, 60.0, 44_100), 44_100, Encoding.MP3)
    keep_freed_memory(block_bytes=1 << 30, total_bytes=1 << 30)
    table = {
        name: {f"{n_fft}/{hop}": compare(samples, n_fft, hop, arguments.repeats) for n_fft, hop in SETTINGS}
        for name, samples in ((name, decoded(data, name)) for name, data in tracks.items())
    }
    print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
