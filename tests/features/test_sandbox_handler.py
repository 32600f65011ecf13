"""The child's side answers as the front end does when called directly."""

import io
import subprocess
import sys

import numpy as np
from audio_samples import encode
from music import music

from genre_batch.features.front_end_wire import pack_request, unpack_segments
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.sandbox_handler import handle
from genre_batch.features.track_segments import extract_segments


def test_the_answer_holds_the_segments_of_the_requested_track() -> None:
    front_end = LogMelFrontEnd(segment_frames=128, segment_hop_frames=64)
    data = encode(music(40.0)[:, None], 22_050, "flac")
    answer = handle(pack_request("track", front_end), io.BytesIO(data), len(data))
    expected = extract_segments(io.BytesIO(data), len(data), "track", front_end)
    track = unpack_segments(answer, front_end)
    np.testing.assert_array_equal(track.segments, expected.segments)
    assert track.facts.window_start_s == expected.facts.window_start_s > 0


def test_librosa_and_numba_are_not_loaded() -> None:
    """They take 1.3 s and 160 MiB in each child, and only descriptors need them."""
    names = ["librosa", "numba", "pywt", "scipy.fft", "sklearn"]
    program = f"import sys, genre_batch.features.sandbox_handler; print(sorted({{*{names}}} & {{*sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=300)
    assert loaded.stdout == "['pywt', 'scipy.fft']\n"
