"""The child's side answers as the front end does when called directly."""

import io
import subprocess
import sys

import numpy as np
from audio_samples import encode
from music import music

from genre_batch.features.extract import extract_segments
from genre_batch.features.front_end import LogMelFrontEnd
from genre_batch.features.sandbox_handler import handle
from genre_batch.features.sandbox_wire import pack_request, unpack_segments


def test_the_answer_holds_the_segments_of_the_track_asked_for() -> None:
    front_end = LogMelFrontEnd(segment_frames=128, segment_hop_frames=64)
    data = encode(music(40.0)[:, None], 22_050, "flac")
    answer = handle(pack_request("track", front_end), io.BytesIO(data), len(data))
    expected = extract_segments(io.BytesIO(data), len(data), "track", front_end)
    track = unpack_segments(answer, front_end)
    np.testing.assert_array_equal(track.segments, expected.segments)
    assert track.window_start_s == expected.window_start_s > 0


def test_librosa_and_numba_are_not_loaded() -> None:
    """They take 1.3 s and 160 MiB in each child, and only descriptors need them."""
    program = """
import sys
import genre_batch.features.sandbox_handler
assert {"pywt", "scipy.fft"} <= set(sys.modules)
assert not {"librosa", "numba", "sklearn"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
