"""Headers of AC-3 and E-AC-3."""

import pytest
from audio_samples import chirp, encode

from genre_batch.decode.formats.ac3 import parse_frame


@pytest.mark.parametrize("encoding", ["ac3", "eac3"])
@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000])
def test_the_headers_of_an_encoder(encoding: str, rate: int) -> None:
    data = encode(chirp(1.0, rate), rate, encoding)
    at, samples = 0, 0
    while at < len(data):
        frame = parse_frame(data, at)
        assert frame is not None
        assert frame.sample_rate == rate
        at, samples = at + frame.frame_bytes, samples + frame.samples
    assert at == len(data)
    assert rate <= samples <= rate + 2 * 1536


def test_frames_that_add_channels_have_no_samples() -> None:
    independent, dependent = (bytes([0x0B, 0x77, kind << 6, 63, 0x30, 16 << 3, 0, 0]) for kind in (0, 1))
    for frame, samples in ((independent, 1536), (dependent, 0)):
        found = parse_frame(frame, 0)
        assert found is not None
        assert (found.frame_bytes, found.samples, found.sample_rate) == (128, samples, 48_000)


@pytest.mark.parametrize("head", ["", "0b77", "0b770000ff400000", "0b7700000088ff00", "0b77c00030800000"])
def test_other_bytes_are_no_header(head: str) -> None:
    """Among them a reserved rate, a later version, and a reserved kind of frame."""
    assert parse_frame(bytes.fromhex(head), 0) is None
