"""MPEG audio frame headers."""

import pytest
from audio_samples import chirp, encode

from genre_batch.decode.mpeg_frames import VbrTag, find_frame, parse_header, parse_vbr_tag


@pytest.mark.parametrize(
    ("data", "layer", "kbps", "rate", "frame_bytes", "samples"),
    [
        ("fffb9000", 3, 128, 44_100, 417, 1152),
        ("fffb9200", 3, 128, 44_100, 418, 1152),
        ("fffbe400", 3, 320, 48_000, 960, 1152),
        ("fff38000", 3, 64, 22_050, 208, 576),
        ("ffe31800", 3, 8, 8_000, 72, 576),
        ("fffda400", 2, 192, 48_000, 576, 1152),
        ("ffff9000", 1, 288, 44_100, 312, 384),
    ],
)
def test_reads_headers(data: str, layer: int, kbps: int, rate: int, frame_bytes: int, samples: int) -> None:
    header = parse_header(bytes.fromhex(data))
    assert header is not None
    assert (header.layer, header.bitrate_kbps, header.sample_rate) == (layer, kbps, rate)
    assert (header.frame_bytes, header.samples) == (frame_bytes, samples)


@pytest.mark.parametrize("data", ["", "fffb90", "fffbf000", "fffb0000", "fffb9c00", "ffeb9000", "fff99000", "7ffb9000"])
def test_other_bytes_are_not_a_header(data: str) -> None:
    assert parse_header(bytes.fromhex(data)) is None


def test_a_frame_is_found_if_others_follow_it() -> None:
    frame = bytes.fromhex("fffb9000") + bytes(413)
    assert find_frame(frame * 2) == 0
    assert find_frame(frame) is None
    assert find_frame(b"junk" + frame * 2) is None
    assert find_frame(b"junk" + frame * 3) == 4
    assert find_frame(bytes(5000) + frame * 3) is None


@pytest.mark.parametrize("encoding", ["mp3", "mp3_vbr"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [22_050, 48_000])
def test_reads_the_tag_of_an_encoder(encoding: str, channels: int, rate: int) -> None:
    data = encode(chirp(5.0, rate, channels), rate, encoding)
    header = parse_header(data)
    assert header is not None
    tag = parse_vbr_tag(data, 0, header)
    assert tag is not None
    assert tag.audio_bytes == pytest.approx(len(data), abs=500)
    assert tag.frames is not None
    assert tag.frames * header.samples / rate == pytest.approx(5.0, abs=0.1)


def test_reads_a_vbri_tag_and_one_without_figures() -> None:
    header = parse_header(bytes.fromhex("fffb9000"))
    assert header is not None
    vbri = (
        bytes.fromhex("fffb9000") + bytes(32) + b"VBRI" + bytes(6) + (5000).to_bytes(4) + (12).to_bytes(4) + bytes(99)
    )
    assert parse_vbr_tag(vbri, 0, header) == VbrTag(frames=12, audio_bytes=5000, is_vbri=True)
    xing = bytes.fromhex("fffb9000") + bytes(32) + b"Xing" + bytes(100)
    assert parse_vbr_tag(xing, 0, header) == VbrTag(None, None)
    assert parse_vbr_tag(bytes(200), 0, header) is None
