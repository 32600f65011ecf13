"""Reading through libsndfile."""

import io
import tracemalloc

import numpy as np
import pytest
from audio_samples import SOUNDFILE_ENCODINGS, chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.soundfile_decoder import SoundfileReader

READ = sorted(set(SOUNDFILE_ENCODINGS) - {"ogg"})


@pytest.mark.parametrize("encoding", READ)
def test_reads_any_part_in_any_order(encoding: str) -> None:
    data = encode(chirp(8.0), 44_100, encoding)
    reader = SoundfileReader(io.BytesIO(data))
    assert (reader.sample_rate, reader.channels) == (44_100, 2)
    assert reader.frames == pytest.approx(8 * 44_100, rel=0.01)
    whole = reader.read(0, reader.frames)
    for start, count in ((200_000, 150_000), (10, 20), (44_100, 0), (0, 44_100)):
        np.testing.assert_allclose(reader.read(start, count), whole[start : start + count], atol=1e-6)
    reader.close()


def test_the_end_of_the_file_ends_the_samples() -> None:
    reader = SoundfileReader(io.BytesIO(encode(chirp(1.0), 44_100, "wav")))
    assert len(reader.read(40_000, 100_000)) == 4_100


def test_many_channels_take_no_more_than_a_block() -> None:
    reader = SoundfileReader(io.BytesIO(encode(np.zeros((200_000, 64), np.float32), 44_100, "wav_u8")))
    tracemalloc.start()
    assert len(reader.read(0, 200_000)) == 200_000
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 5_000_000


def test_closing_leaves_the_source_open() -> None:
    source = io.BytesIO(encode(chirp(1.0), 44_100, "flac"))
    SoundfileReader(source).close()
    assert source.read is not None
    assert not source.closed


def test_an_unknown_encoding_is_rejected() -> None:
    data = bytearray(encode(chirp(1.0), 44_100, "wav"))
    data[20:22] = (0x0161).to_bytes(2, "little")  # WMA in WAV
    with pytest.raises(TrackRejected) as caught:
        SoundfileReader(io.BytesIO(bytes(data)))
    assert caught.value.reject.reason in (RejectReason.UNSUPPORTED, RejectReason.CORRUPT)


@pytest.mark.parametrize("data", [b"", b"RIFF", bytes(1000), b"fLaC" + bytes(100)])
def test_other_files_are_corrupt(data: bytes) -> None:
    with pytest.raises(TrackRejected, match="libsndfile") as caught:
        SoundfileReader(io.BytesIO(data))
    assert caught.value.reject.reason is RejectReason.CORRUPT
