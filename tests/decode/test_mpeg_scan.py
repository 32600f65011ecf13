"""Frames of MPEG audio are found and counted in the bytes of a file."""

import io
from functools import cache

import numpy as np
from decode.test_mpeg_length import coded

from genre_batch.decode.mpeg_frames import parse_header
from genre_batch.decode.mpeg_scan import scan_frames

RATE = 44_100
COVER = np.random.default_rng(1).bytes(60_000)
APE = COVER + b"APETAGEX" + (2000).to_bytes(4, "little") + (60_032).to_bytes(4, "little") + bytes(16)
ID3V2 = b"ID3\4\0\0\0\3\x54\x60" + COVER
ID3V1 = b"TAG" + b"x" * 125
BEHIND = {"ape": APE, "ape_id3v1": APE + ID3V1, "id3v2": ID3V2, "zeros": bytes(80_000), "id3v1": ID3V1, "junk": COVER}


@cache
def test_frames_across_blocks_are_counted_once() -> None:
    data = coded(20.0, "mp3_untagged")
    first = parse_header(data)
    assert first is not None
    once = scan_frames(io.BytesIO(data), 0, len(data), first)
    many = scan_frames(io.BytesIO(data * 9), 0, 9 * len(data), first)
    assert many.count == 9 * once.count
    assert len(once.runs) == len(many.runs) == 1
