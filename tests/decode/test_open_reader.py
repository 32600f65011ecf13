"""A file is opened with the first decoder that can read it."""

import io

import pytest
from audio_samples import chirp, encode

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.audio_format import MPEG_CODECS, Libav, Libsndfile
from genre_batch.decode.open_reader import open_reader

RATE = 48_000
NO_WAV = Libav("wav", MPEG_CODECS)
"""libav, which may read nothing but MPEG audio from a WAV file."""


def wav() -> io.BytesIO:
    return io.BytesIO(encode(chirp(2.0, RATE), RATE, "wav"))


def test_the_first_decoder_that_supports_the_file_opens_it() -> None:
    mp3 = io.BytesIO(encode(chirp(2.0, RATE), RATE, "mp3"))
    assert open_reader(wav(), (NO_WAV, Libsndfile())).name == "soundfile"
    assert open_reader(wav(), (Libsndfile(), NO_WAV)).name == "soundfile"
    assert open_reader(mp3, (Libav("mp3", MPEG_CODECS), Libsndfile())).name == "av"


def test_a_file_that_no_decoder_supports_is_rejected_by_the_last() -> None:
    with pytest.raises(TrackRejected, match="no decoder for pcm_s16le") as caught:
        open_reader(wav(), (NO_WAV, NO_WAV))
    assert caught.value.reject.reason is RejectReason.UNSUPPORTED


def test_a_file_that_one_decoder_calls_corrupt_is_tried_with_the_next() -> None:
    flac = io.BytesIO(encode(chirp(2.0, RATE), RATE, "flac"))
    with pytest.raises(TrackRejected) as caught:
        open_reader(flac, (Libav("mp4", MPEG_CODECS),))
    assert caught.value.reject.reason is RejectReason.CORRUPT
    assert open_reader(flac, (Libav("mp4", MPEG_CODECS), Libsndfile())).name == "soundfile"
