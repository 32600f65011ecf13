"""MPEG audio frame headers (ISO 11172-3, 13818-3), and the tag in the first frame."""

from dataclasses import dataclass

_BITRATES_KBPS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SYNC = b"\xff"
_SAMPLE_RATES = (44_100, 48_000, 32_000)
_RATE_DIVISORS = {3: 1, 2: 2, 0: 4}


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """One frame. layer: 1 to 3. samples: per channel. frame_bytes: with the header. tag_offset: where a Xing tag is."""

    mpeg1: bool
    layer: int
    bitrate_kbps: int
    sample_rate: int
    frame_bytes: int
    samples: int
    tag_offset: int

    def continues(self, other: "FrameHeader") -> bool:
        """Whether both can be frames of one stream."""
        return (self.mpeg1, self.layer, self.sample_rate) == (other.mpeg1, other.layer, other.sample_rate)


@dataclass(frozen=True, slots=True)
class VbrTag:
    """What a Xing, Info or VBRI tag in the first frame declares; None for what it leaves out.

    constant: whether all frames have one bit rate. table: 100 positions in 1/256 of the bytes, one for each hundredth
    of the frames; empty if there is none. bytes_offset: of the field `audio_bytes` in the frame; 0 if there is none.
    is_vbri: whether it is a VBRI tag, which only libav reads.
    """

    frames: int | None
    audio_bytes: int | None
    constant: bool = False
    table: bytes = b""
    bytes_offset: int = 0
    is_vbri: bool = False


def parse_header(data: bytes, at: int = 0) -> FrameHeader | None:
    """The frame header at `at`, or None if there is no valid one (free-format bit rates count as invalid)."""
    if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3)
    bitrate, rate = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    mpeg1, padding, mono = version == 3, data[at + 2] >> 1 & 1, data[at + 3] >> 6 == 3
    kbps = _BITRATES_KBPS[1 if mpeg1 else 2, layer][bitrate - 1]
    sample_rate = _SAMPLE_RATES[rate] // _RATE_DIVISORS[version]
    samples = 384 if layer == 1 else 1152 if layer == 2 or mpeg1 else 576
    slot = 4 if layer == 1 else 1
    frame_bytes = (samples // 8 * kbps * 1000 // sample_rate // slot + padding) * slot
    side_info = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    return FrameHeader(mpeg1, layer, kbps, sample_rate, frame_bytes, samples, 4 + side_info)


def find_frame(data: bytes, confirmations: int = 2, search_bytes: int = 4096) -> int | None:
    """Offset of the first header that is followed by `confirmations` more, each where the last one ends; or None.

    At offset 0 one confirmation is enough.
    """
    at = data.find(_SYNC, 0, search_bytes)
    while at >= 0:
        if _confirmed(data, at, confirmations if at else 1):
            return at
        at = data.find(_SYNC, at + 1, search_bytes)
    return None


def _confirmed(data: bytes, at: int, confirmations: int) -> bool:
    first = header = parse_header(data, at)
    for _ in range(confirmations):
        if header is None or first is None or not header.continues(first):
            return False
        at += header.frame_bytes
        header = parse_header(data, at)
    return header is not None and first is not None and header.continues(first)


def parse_vbr_tag(data: bytes, at: int, header: FrameHeader) -> VbrTag | None:
    """The Xing, Info or VBRI tag in the frame at `at` (layer III only), or None."""
    xing, vbri = at + header.tag_offset, at + 36
    if data[xing : xing + 4] in (b"Xing", b"Info") and len(data) >= xing + 16:
        return _parse_xing(data[xing : xing + 120], header.tag_offset)
    if data[vbri : vbri + 4] == b"VBRI" and len(data) >= vbri + 18:
        audio_bytes, frames = (int.from_bytes(data[p : p + 4], "big") for p in (vbri + 10, vbri + 14))
        return VbrTag(frames or None, audio_bytes or None, is_vbri=True)
    return None


def _parse_xing(tag: bytes, offset: int) -> VbrTag:
    flags, at = int.from_bytes(tag[4:8], "big"), 8
    frames = audio_bytes = bytes_at = 0
    if flags & 1:
        frames, at = int.from_bytes(tag[at : at + 4], "big"), at + 4
    if flags & 2:
        audio_bytes, bytes_at, at = int.from_bytes(tag[at : at + 4], "big"), offset + at, at + 4
    table = tag[at : at + 100] if flags & 4 and len(tag) >= at + 100 else b""
    return VbrTag(frames or None, audio_bytes or None, tag[:4] == b"Info", table, bytes_at)
