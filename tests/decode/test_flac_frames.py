"""Headers of FLAC frames."""

import pytest
from audio_samples import chirp, encode

from genre_batch.decode.flac_frames import HEADER_BYTES, frame_span


@pytest.fixture(scope="module")
def heads() -> list[bytes]:
    """What may be the header of a frame, from the first one on."""
    data = encode(chirp(1.0), 44_100, "flac")
    at, found = data.index(b"\xff\xf8"), []
    while at >= 0:
        found.append(data[at : at + HEADER_BYTES].ljust(HEADER_BYTES, b"\0"))
        at = data.find(b"\xff\xf8", at + 1)
    return found


def test_frames_follow_one_another(heads: list[bytes]) -> None:
    spans = [span for span in (frame_span(head, heads[0]) for head in heads) if span is not None]
    assert spans[0] == (0, 4096)
    assert [start for start, _ in spans[1:]] == [end for _, end in spans[:-1]]
    assert spans[-1][0] == 10 * 4096


@pytest.mark.parametrize("byte", range(6))
def test_a_header_with_a_flaw_is_none(heads: list[bytes], byte: int) -> None:
    flawed = bytearray(heads[1])
    flawed[byte] ^= 0x10
    assert frame_span(bytes(flawed), heads[0]) is None


def test_a_cut_header_is_none(heads: list[bytes]) -> None:
    assert frame_span(heads[1][:-1], heads[0]) is None
