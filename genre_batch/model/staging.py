"""Chooses the device, and brings segments to it in batches of one fixed shape."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from genre_batch.errors import UsageError
from genre_batch.features.segments import Segments
from genre_batch.model.devices import Device

BatchShape = tuple[int, int, int]
"""Segments, rows, columns."""


def choose_device(device: Device) -> torch.device:
    """The device that `device` selects. Raises UsageError if it asks for a GPU and there is none."""
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("there is no GPU that torch can use", "set predict.device to auto or cpu")
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")


class HostStaging:
    """One buffer for all batches."""

    def __init__(self, shape: BatchShape) -> None:
        self._buffer = np.zeros(shape, np.float32)
        self._batch = torch.from_numpy(self._buffer).unsqueeze(1)

    def batches(self, segments: Segments) -> Iterator[torch.Tensor]:
        """Batches [B, 1, rows, columns] float32 of `segments` [n, rows, columns].

        The last one is filled up with zeros. A batch is overwritten when the next one is requested.
        """
        for chunk in _chunks(segments, len(self._buffer)):
            _fill(self._buffer, chunk)
            yield self._batch


class PinnedStaging:
    """Two page-locked buffers and their twins on the GPU: one is filled and copied while the other is in use.

    dtype: of the segments.
    """

    def __init__(self, shape: BatchShape, device: torch.device, dtype: torch.dtype = torch.float16) -> None:
        self._slots = [_slot(shape, device, dtype) for _ in range(2)]
        self._copies = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._device = device

    def batches(self, segments: Segments) -> Iterator[torch.Tensor]:
        """As `HostStaging.batches`, on the GPU; batches are not overwritten."""
        compute = torch.cuda.current_stream(self._device)
        for number, chunk in enumerate(_chunks(segments, len(self._slots[0].host))):
            slot = self._slots[number % 2]
            slot.copied.synchronize()
            _fill(slot.host, chunk)
            with torch.cuda.stream(self._copies):
                self._copies.wait_event(slot.used)
                slot.device.copy_(slot.pinned, non_blocking=True)
                slot.copied.record(self._copies)
            compute.wait_event(slot.copied)
            batch = copied_batch(slot.device)
            slot.used.record(compute)
            yield batch


@dataclass(frozen=True)
class _Slot:
    """`host` is `pinned` as an array. `copied`: the host may fill it again; `used`: the next copy may begin."""

    pinned: torch.Tensor
    host: Segments
    device: torch.Tensor
    copied: torch.cuda.Event
    used: torch.cuda.Event


def _slot(shape: BatchShape, device: torch.device, dtype: torch.dtype) -> _Slot:
    pinned = torch.zeros(shape, dtype=dtype, pin_memory=True)
    on_device = torch.empty(shape, dtype=dtype, device=device)
    copied, used = torch.cuda.Event(), torch.cuda.Event()  # type: ignore[no-untyped-call]
    return _Slot(pinned, pinned.numpy(), on_device, copied, used)


def copied_batch(staged: torch.Tensor) -> torch.Tensor:
    """[B, rows, columns] as [B, 1, rows, columns] float32 in memory of its own.

    `float()` alone returns float32 as it is: the next copy to the device would overwrite what the network still reads.
    """
    return staged.unsqueeze(1).to(torch.float32, copy=True)


def _chunks(segments: Segments, size: int) -> Iterator[Segments]:
    return (segments[start : start + size] for start in range(0, len(segments), size))


def _fill(buffer: "np.ndarray[BatchShape, np.dtype[np.floating]]", chunk: Segments) -> None:
    buffer[: len(chunk)] = chunk
    buffer[len(chunk) :] = 0
