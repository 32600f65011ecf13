"""Cuts segments into batches of one fixed shape and brings them to the device."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from genre_batch.features.front_end import Segments

Shape = tuple[int, int, int]


class HostStaging:
    """One buffer for all batches. `shape`: segments of a batch, bands, frames."""

    def __init__(self, shape: Shape) -> None:
        self._buffer = np.zeros(shape, np.float32)
        self._batch = torch.from_numpy(self._buffer).unsqueeze(1)

    def batches(self, segments: Segments) -> Iterator[torch.Tensor]:
        """Batches [B, 1, n_mels, segment_frames] float32 of `segments` [n, n_mels, segment_frames].

        The last one is filled up with zeros. A batch is overwritten when the next one is asked for.
        """
        for chunk in _chunks(segments, len(self._buffer)):
            _fill(self._buffer, chunk)
            yield self._batch


class PinnedStaging:
    """Two page-locked buffers and their twins on the GPU: one is filled and copied while the other is worked on.

    `dtype` is that of the segments.
    """

    def __init__(self, shape: Shape, device: torch.device, dtype: torch.dtype = torch.float16) -> None:
        self._slots = [_slot(shape, device, dtype) for _ in range(2)]
        self._copies = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._device = device

    def batches(self, segments: Segments) -> Iterator[torch.Tensor]:
        """As `HostStaging.batches`, on the GPU; a batch is not overwritten."""
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
            batch = slot.device.unsqueeze(1).float()
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


def _slot(shape: Shape, device: torch.device, dtype: torch.dtype) -> _Slot:
    pinned = torch.zeros(shape, dtype=dtype, pin_memory=True)
    on_device = torch.empty(shape, dtype=dtype, device=device)
    copied, used = torch.cuda.Event(), torch.cuda.Event()  # type: ignore[no-untyped-call]
    return _Slot(pinned, pinned.numpy(), on_device, copied, used)


def _chunks(segments: Segments, size: int) -> Iterator[Segments]:
    return (segments[start : start + size] for start in range(0, len(segments), size))


def _fill(buffer: "np.ndarray[Shape, np.dtype[np.floating]]", chunk: Segments) -> None:
    buffer[: len(chunk)] = chunk
    buffer[len(chunk) :] = 0
