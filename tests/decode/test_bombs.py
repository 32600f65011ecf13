"""Small or forged files that expand: each is scored or gets a typed reject within 1 GiB and 5 s of CPU time.

A slower processor has more time, in proportion to what the sandbox measured.
"""

import io
import struct
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
import soundfile
from audio_samples import chirp, encode
from forged_headers import FORGED

from genre_batch.catalog.reject import TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.sandboxed import SandboxedFrontEnd

RATE = 48_000
TEN_HOURS_S = 36_000
LARGEST_BYTES = 1 << 30


def silence(encoding: str, seconds: float) -> bytes:
    return encode(np.zeros((round(seconds * 8_000), 1), np.float32), 8_000, encoding)


def ten_hours_of_flac() -> bytes:
    target, minute = io.BytesIO(), np.zeros(60 * 4_000, np.int16)
    with soundfile.SoundFile(target, "w", 4_000, 1, "PCM_16", format="FLAC") as file:
        for _ in range(TEN_HOURS_S // 60):
            file.write(minute)
    return target.getvalue()


def ten_hours_of_mp3() -> bytes:
    """Frames of 576 samples at 8 kHz and 8 kbit/s that contain only zeros."""
    return (bytes.fromhex("FFE318C0") + bytes(68)) * (TEN_HOURS_S * 8_000 // 576)


def ten_hours_of_opus() -> bytes:
    """Packets of 2 bytes, each with six empty frames of 20 ms."""
    target, ticks = io.BytesIO(), 48_000 * 120 // 1000
    with av.open(target, "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=48_000)
        stream.codec_context.open()
        for number in range(TEN_HOURS_S * 1000 // 120):
            packet = av.Packet(b"\xfb\x06")
            packet.stream, packet.time_base, packet.duration = stream, Fraction(1, 48_000), ticks
            packet.pts = packet.dts = number * ticks
            file.mux(packet)
    return target.getvalue()


def mp3_of_false_starts() -> bytes:
    """16 MiB in which every fourth byte could begin a frame, between real frames of two bit rates."""
    frames = b"".join(bytes([0xFF, 0xFB, rate, 0xC0]) + bytes(size - 4) for rate, size in ((0x50, 208), (0x60, 261)))
    return frames * 100 + bytes.fromhex("FFFB90C0") * (16 << 18) + frames * 100


def forged(encoding: str, at: int, fields: bytes) -> bytes:
    data = bytearray(encode(chirp(3.0, RATE), RATE, encoding))
    data[at : at + len(fields)] = fields
    return bytes(data)


def forged_box(name: bytes, offset: int) -> bytes:
    """An M4A file whose box of that name claims 4 billion entries."""
    data = encode(chirp(3.0, RATE), RATE, "m4a")
    return forged("m4a", data.index(name) + offset, b"\xff\xff\xff\xf0")


BOMBS = {
    "flac_of_ten_hours_of_silence": ten_hours_of_flac,
    "mp3_of_ten_hours_of_silence": ten_hours_of_mp3,
    "mp3_of_16_mib_of_false_starts": mp3_of_false_starts,
    "opus_of_ten_hours_of_silence": ten_hours_of_opus,
    "ogg_of_an_hour_of_silence": lambda: silence("ogg", 3600.0),
    "flac_that_claims_all_samples": lambda: forged("flac", 21, b"\xff\xff\xff\xff\xff"),
    "flac_with_the_largest_blocks": lambda: forged("flac", 8, b"\xff\xff\xff\xff"),
    "flac_with_a_huge_metadata_block": lambda: forged("flac", 42, b"\x86\xff\xff\xff"),
    "wav_of_65535_channels": lambda: forged("wav", 22, b"\xff\xff"),
    "wav_that_claims_4_gib": lambda: forged("wav", 40, struct.pack("<I", 0xFFFF_FF00)),
    "id3_tag_of_256_mib": lambda: b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + encode(chirp(3.0, RATE), RATE, "mp3"),
    "ogg_whose_last_page_is_eons_away": lambda: (
        encode(chirp(3.0, RATE), RATE, "ogg")[:-4000] + b"OggS\x00\x04" + struct.pack("<q", 1 << 62)
    ),
    "m4a_with_4_billion_sample_sizes": lambda: forged_box(b"stsz", 12),
    "m4a_with_4_billion_chunks": lambda: forged_box(b"stco", 8),
    "m4a_with_4_billion_time_stamps": lambda: forged_box(b"stts", 8),
    **FORGED,
}


@pytest.fixture(scope="module")
def front_end() -> Iterator[SandboxedFrontEnd]:
    with closing(SandboxedFrontEnd(LogMelFrontEnd(), deadline_s=60.0)) as running:
        yield running


def peak_bytes() -> int:
    """The largest peak memory of the live children of this process."""
    statuses = [Path(f"/proc/{child.pid}/status").read_text() for child in psutil.Process().children(recursive=True)]
    return max(int(status.split("VmHWM:")[1].split()[0]) * 1024 for status in statuses if "VmHWM:" in status)


def outcome(front_end: SandboxedFrontEnd, data: bytes) -> str:
    track = Track("track", "/track", "etag", len(data))
    try:
        front_end.extract(track, lambda start, length: data[start : start + length])
    except TrackRejected as rejected:
        return rejected.reject.reason
    return "scored"


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_takes_little_memory_and_time(front_end: SandboxedFrontEnd, bomb: str) -> None:
    data = BOMBS[bomb]()
    before_s = front_end.cpu_s
    assert outcome(front_end, data) in {
        *("scored", "corrupt", "truncated", "too_long", "silent", "unsupported", "decoder_crash")
    }
    assert front_end.cpu_s - before_s < 5.0 * front_end._sandbox._server.slowness
    assert peak_bytes() < LARGEST_BYTES
