"""DSD in DSF (Sony) and DSDIFF (Philips), the latter also with DST compression."""

import struct
from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason
from genre_batch.decode.audio_format import Checked, Format, Libav, at_start
from genre_batch.decode.chunks import FEW_CHUNKS
from genre_batch.decode.rejected import rejected, require_bytes
from genre_batch.storage.ranged_file import read_at

_DSF_FORMAT = struct.Struct("<4sQIIIIIIQ")
_DSF_FORMAT_AT, _CHUNK = 28, struct.Struct("<4sQ")
_BITS_PER_FRAME = 8
"""libav yields one sample for eight bits."""
_CODECS = frozenset({"dsd_lsbf", "dsd_msbf", "dsd_lsbf_planar", "dsd_msbf_planar", "dst"})


def check_dsf(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the `data` chunk with the file."""
    head = read_at(source, _DSF_FORMAT_AT, _DSF_FORMAT.size)
    if len(head) < _DSF_FORMAT.size or head[:4] != b"fmt ":
        raise rejected(RejectReason.CORRUPT, "the DSF file has no format chunk")
    *_, bit_rate, _, samples = _DSF_FORMAT.unpack(head)
    data_at = _DSF_FORMAT_AT + int.from_bytes(head[4:12], "little")
    data = read_at(source, data_at, _CHUNK.size)
    if len(data) < _CHUNK.size or data[:4] != b"data":
        raise rejected(RejectReason.CORRUPT, "the DSF file has no data chunk")
    require_bytes("the data chunk", _CHUNK.unpack(data)[1], size_bytes - data_at)
    return Checked(frames=samples // _BITS_PER_FRAME, rate=bit_rate // _BITS_PER_FRAME)


def check_dsdiff(source: BinaryIO, size_bytes: int) -> Checked:
    """Compares the chunk with the samples with the file."""
    at = 16
    for _ in range(FEW_CHUNKS):
        head = read_at(source, at, 12) if at < size_bytes else b""
        if len(head) < 12:
            break
        length = int.from_bytes(head[4:], "big")
        if head[:4] in (b"DSD ", b"DST "):
            require_bytes("the chunk with the samples", length, size_bytes - at - 12)
            return Checked()
        at += 12 + length + length % 2
    raise rejected(RejectReason.CORRUPT, "the DSDIFF file has no chunk with samples")


FORMATS = (
    Format(
        "dsf",
        sniff=lambda head: at_start(head[:4] == b"DSD " and head[28:32] == b"fmt "),
        decoders=(Libav("dsf", _CODECS),),
        check_whole=check_dsf,
    ),
    Format(
        "dsdiff",
        sniff=lambda head: at_start(head[:4] == b"FRM8" and head[12:16] == b"DSD "),
        decoders=(Libav("iff", _CODECS),),
        check_whole=check_dsdiff,
    ),
)
