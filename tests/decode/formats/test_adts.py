"""Headers of AAC frames."""

import pytest
from audio_samples import chirp, encode

from genre_batch.decode.formats.adts import parse_frame


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_the_header_of_an_encoder(rate: int) -> None:
    data = encode(chirp(1.0, rate), rate, "adts")
    at, samples = 0, 0
    while at < len(data):
        frame = parse_frame(data, at)
        assert frame is not None
        assert frame.sample_rate == rate
        at, samples = at + frame.frame_bytes, samples + frame.samples
    assert at == len(data)
    assert rate <= samples <= rate + 3 * 1024


@pytest.mark.parametrize("head", ["", "fff1", "fffb9064000000", "fff17c80231ffc", "fff14c80001ffc"])
def test_other_bytes_are_no_header(head: str) -> None:
    """Among them a header of MPEG layer III, a sample rate that does not exist, and a length of 0."""
    assert parse_frame(bytes.fromhex(head), 0) is None
