"""Checkpoints of which every byte is written here, after the formats of LevelDB and TensorFlow."""

import struct

import numpy as np
import pytest

from genre_batch.training.pretrained.tensorflow_checkpoint import read_checkpoint

FLOAT32, INT32 = 1, 3


def varint(value: int) -> bytes:
    groups = [value & 127]
    while value := value >> 7:
        groups.append(value & 127)
    return bytes([group | 128 for group in groups[:-1]] + [groups[-1]])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def array_entry(shape: tuple[int, ...], offset: int, kind: int = FLOAT32) -> bytes:
    dimensions = b"".join(message(2, number(1, size)) for size in shape)
    checksum = varint(6 << 3 | 5) + b"\1\2\3\4"
    place = number(4, offset) + number(5, 4 * int(np.prod(shape)))
    return number(1, kind) + message(2, dimensions) + place + checksum


def block(entries: list[tuple[bytes, bytes]], compression: int = 0) -> bytes:
    """Entries whose keys leave out what they share with the key before, as LevelDB writes them."""
    content, before = b"", b""
    for key, value in entries:
        shared = next(
            (i for i, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), min(len(key), len(before))
        )
        content += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return content + struct.pack("<II", 0, 1) + bytes([compression]) + b"crc!"


def index(entries: list[tuple[bytes, bytes]], compression: int = 0) -> bytes:
    data = block(entries, compression)
    meta = block([])
    handle = varint(0) + varint(len(data) - 5)
    top = block([(b"~", handle)])
    handles = varint(len(data)) + varint(len(meta) - 5) + varint(len(data) + len(meta)) + varint(len(top) - 5)
    return data + meta + top + handles.ljust(40, b"\0") + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"


def test_float_arrays_are_read_by_name() -> None:
    kernel, bias = np.arange(6, dtype=np.float32).reshape(2, 3), np.array([0.5], np.float32)
    entries = [
        (b"", number(1, 1)),
        (b"conv/bias", array_entry((1,), 24)),
        (b"conv/kernel", array_entry((2, 3), 0)),
        (b"step", array_entry((1,), 28, INT32)),
    ]
    found = read_checkpoint(index(entries), kernel.tobytes() + bias.tobytes() + b"\0\0\0\0")
    assert set(found) == {"conv/bias", "conv/kernel"}
    np.testing.assert_array_equal(found["conv/kernel"], kernel)
    np.testing.assert_array_equal(found["conv/bias"], bias)


def test_a_compressed_index_is_refused() -> None:
    with pytest.raises(ValueError, match="compressed"):
        read_checkpoint(index([(b"a", array_entry((1,), 0))], compression=1), b"\0\0\0\0")


def test_values_outside_the_data_are_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        read_checkpoint(index([(b"a", array_entry((2,), 0))]), b"\0\0\0\0")


def test_a_cut_index_is_refused() -> None:
    with pytest.raises(ValueError, match="short"):
        read_checkpoint(index([(b"a", array_entry((1,), 0))])[:20], b"\0\0\0\0")
