"""Files that run code, read other files or lie about their size if a program opens them carelessly."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import torch


@dataclass
class Bomb:
    """Creates the file `mark` when it is unpickled."""

    mark: Path

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch '{self.mark}'",)


def object_array(bomb: Bomb) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    array = np.empty(1, dtype=object)
    array[0] = bomb
    return array


def npy(bomb: Bomb) -> bytes:
    target = io.BytesIO()
    np.save(target, object_array(bomb), allow_pickle=True)
    return target.getvalue()


def npz(bomb: Bomb, *names: str) -> bytes:
    target = io.BytesIO()
    np.savez(target, **dict.fromkeys(names, object_array(bomb)))
    return target.getvalue()


def torch_archive(bomb: Bomb) -> bytes:
    """The output of torch.save, as in .pt, .pth, .bin or .ckpt files."""
    target = io.BytesIO()
    torch.save({"state_dict": bomb}, target)
    return target.getvalue()


def joblib_dump(bomb: Bomb) -> bytes:
    target = io.BytesIO()
    joblib.dump({"model": bomb}, target)
    return target.getvalue()


def pickled(bomb: Bomb) -> dict[str, bytes]:
    """The same payload in every pickle-based format for weights."""
    return {
        "pickle": pickle.dumps(bomb),
        "pickle of protocol 0": pickle.dumps(bomb, protocol=0),
        "torch": torch_archive(bomb),
        "joblib": joblib_dump(bomb),
        "npy": npy(bomb),
        "npz": npz(bomb, "audio", "segments", "probabilities"),
    }


def safetensors(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    """A safetensors file with an arbitrary header and declared header length."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def forged_safetensors() -> dict[str, bytes]:
    """Files whose headers declare too much, overlap, leave gaps or are invalid."""

    def tensor(start: int, stop: int, *shape: int, dtype: str = "F32") -> dict[str, object]:
        return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}

    return {
        "a header of 2^63 bytes": safetensors({}, length=1 << 63),
        "a header longer than the file": safetensors({}, length=1 << 30),
        "no header": safetensors(b""),
        "a header that is a list": safetensors([]),
        "deep nesting": safetensors(b"[" * 100_000),
        "offsets beyond the end": safetensors({"weights": tensor(0, 4 << 30, 1 << 30)}, bytes(16)),
        "overlapping offsets": safetensors({"a": tensor(0, 16, 4), "b": tensor(8, 24, 4)}, bytes(24)),
        "a gap": safetensors({"a": tensor(0, 16, 4), "b": tensor(32, 48, 4)}, bytes(48)),
        "descending offsets": safetensors({"a": tensor(16, 0, 4)}, bytes(16)),
        "a shape that overflows": safetensors({"a": tensor(0, 16, 1 << 40, 1 << 40)}, bytes(16)),
        "a negative shape": safetensors({"a": tensor(0, 16, -4)}, bytes(16)),
        "an unknown type": safetensors({"a": tensor(0, 16, 4, dtype="PICKLE")}, bytes(16)),
        "a type unknown to numpy": safetensors({"a": tensor(0, 8, 4, dtype="BF16")}, bytes(8)),
        "duplicate names": safetensors(b'{"a":' + json.dumps(tensor(0, 4, 1)).encode() + b',"a":1}', bytes(4)),
        "trailing bytes": safetensors({"a": tensor(0, 16, 4)}, bytes(64)),
        "no tensors": safetensors({}),
    }


def forged_npz(*names: str) -> dict[str, bytes]:
    """Archives that declare too much or cannot be unpacked."""
    headers = [io.BytesIO() for _ in range(2)]
    for header, length in zip(headers, (1 << 45, 1 << 70), strict=True):
        np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (length,)})
    good = io.BytesIO()
    np.savez_compressed(good, **dict.fromkeys(names, np.arange(2000)))
    whole = good.getvalue()
    garbled = whole[:60] + bytes(200) + whole[260:]
    encrypted = bytearray(whole)
    for at in (whole.index(b"PK\x03\x04") + 6, whole.index(b"PK\x01\x02") + 8):
        encrypted[at] |= 1
    unknown = bytearray(whole)
    for at in (whole.index(b"PK\x03\x04") + 8, whole.index(b"PK\x01\x02") + 10):
        unknown[at] = 99
    return {
        "an array of 2^45 numbers": _zipped(headers[0].getvalue(), *names),
        "an array of 2^70 numbers": _zipped(headers[1].getvalue(), *names),
        "a header that is code": _zipped(
            b"\x93NUMPY\x01\x00" + struct.pack("<H", 24) + b"__import__('os').abort()\n", *names
        ),
        "a structured array of objects": _zipped(_npy_header("[('a', '|O')]"), *names),
        "a garbled archive": garbled,
        "an encrypted archive": bytes(encrypted),
        "an unknown compression method": bytes(unknown),
        "not an archive": b"\x93NUMPY\x01\x00",
    }


def _npy_header(descr: str) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,)}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def _zipped(member: bytes, *names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(f"{name}.npy", member)
    return target.getvalue()
