"""Reads the arrays of a TensorFlow checkpoint without TensorFlow, and without running anything that is in it.

A checkpoint is two files. The data file holds the raw values of all arrays. The index is a LevelDB table (here of
uncompressed blocks) that maps each array's name to a BundleEntryProto: its type, shape, and place in the data file. See
tensorflow/core/protobuf/tensor_bundle.proto and leveldb/doc/table_format.md.
"""

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[np.float32]]

_FOOTER_BYTES = 48
_TRAILER_BYTES = 4
_FLOAT32 = 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DTYPE_FIELD, _SHAPE_FIELD, _OFFSET_FIELD, _SIZE_FIELD = 1, 2, 4, 5
_DIMENSION_FIELD, _DIMENSION_SIZE_FIELD = 2, 1


def read_checkpoint(index: bytes, data: bytes) -> Arrays:
    """The float32 arrays of a checkpoint by name; arrays of other types are left out.

    Raises ValueError if the index is not a table of uncompressed blocks or names values outside `data`.
    """
    try:
        return dict(_arrays(index, data))
    except (IndexError, struct.error) as error:
        raise ValueError("the index of the checkpoint is cut short") from error


def _arrays(index: bytes, data: bytes) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    footer = index[-_FOOTER_BYTES:]
    numbers = _varints(footer)
    _, _, offset, size = (next(numbers) for _ in range(4))  # the metaindex block comes first and is not needed
    for _, handle in _entries(index, offset, size):
        block = _varints(handle)
        for key, value in _entries(index, next(block), next(block)):
            entry = dict(_fields(value))
            if not key or entry.get(_DTYPE_FIELD) != _FLOAT32:
                continue  # the header of the table, or an array of another type
            start, stop = _place(entry)
            if stop > len(data):
                raise ValueError(f"{key.decode()} lies outside the data file")
            yield key.decode(), np.frombuffer(data[start:stop], np.float32).reshape(_shape(value))


def _place(entry: dict[int, int | bytes]) -> tuple[int, int]:
    start, size = entry.get(_OFFSET_FIELD, 0), entry.get(_SIZE_FIELD, 0)
    assert isinstance(start, int)
    assert isinstance(size, int)
    return start, start + size


def _shape(entry: bytes) -> list[int]:
    shape = next((value for field, value in _fields(entry) if field == _SHAPE_FIELD), b"")
    assert isinstance(shape, bytes)
    dimensions = [dict(_fields(value)) for field, value in _fields(shape) if field == _DIMENSION_FIELD]  # type: ignore[arg-type]
    return [int(dimension.get(_DIMENSION_SIZE_FIELD, 0)) for dimension in dimensions]


def _entries(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each entry of a block. A key is stored as what differs from the key before it."""
    if table[offset + size]:
        raise ValueError("the index of the checkpoint is compressed")
    block = table[offset : offset + size]
    (restarts,) = struct.unpack("<I", block[-_TRAILER_BYTES:])
    end = size - _TRAILER_BYTES - 4 * restarts
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        rest, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + rest]
        yield key, block[at + rest : at + rest + length]
        at += rest + length


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field of a protocol buffer message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        value: int | bytes
        if kind == _VARINT:
            value, at = _varint(message, at)
        elif kind == _BYTES:
            length, at = _varint(message, at)
            value, at = message[at : at + length], at + length
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
            value, at = message[at : at + length], at + length
        else:
            raise ValueError(f"the index of the checkpoint has a field of unknown kind {kind}")
        yield tag >> 3, value


def _varints(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, in groups of seven bits with the least first, and the place after it."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
