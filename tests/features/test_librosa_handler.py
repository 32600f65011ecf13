"""The handler with librosa answers as the front end does."""

import io

import numpy as np
from audio_samples import encode
from music import music

from genre_batch.features import librosa_handler
from genre_batch.features.front_end_wire import pack_request, unpack_segments
from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd


def test_the_answer_holds_the_columns_requested() -> None:
    front_end = DescriptorFrontEnd(segment_s=2.0, columns=["tempo", "rms_mean"])
    data = encode(music(5.0)[:, None], 22_050, "flac")
    track = unpack_segments(
        librosa_handler.handle(pack_request("track", front_end), io.BytesIO(data), len(data)), front_end
    )
    assert track.segments.shape == (2, 2, 1)
    loudness = np.sqrt(np.mean(np.square(music(5.0)[:44_100])))
    np.testing.assert_allclose(track.segments[0, 1, 0], loudness, rtol=0.1)
    assert 30.0 < track.segments[0, 0, 0] < 320.0
