"""Converts the published weights of MSD_musicnn to the arrays that `model/networks/musicnn.py` loads.

    pip download --no-deps musicnn==0.1.0
    python -m genre_batch.training.pretrained.convert_musicnn musicnn-0.1.0-py3-none-any.whl musicnn.safetensors

The wheel is only read as an archive: nothing in it is installed, imported or unpickled. The weights are (c) 2019 Music
Technology Group, Universitat Pompeu Fabra, under the ISC licence; see NOTICE.
"""

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save

from genre_batch.model.networks.musicnn import FILTERS, MIDDLE_CHANNELS
from genre_batch.training.pretrained.tensorflow_checkpoint import Arrays, read_checkpoint

WHEEL_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"

_FOLDER = "musicnn/MSD_musicnn"
_EPSILON = 1e-3  # of TensorFlow's batch normalisation
_DEAD_BELOW = 1e-3
_POOLED_NORM, _OUTPUT_NORM = 9, 10

Weight = npt.NDArray[np.float64]


def convert(wheel: bytes) -> dict[str, torch.Tensor]:
    """The state of a `Musicnn`, in half precision, from the bytes of the wheel of musicnn 0.1.0.

    Raises ValueError if they are not the bytes of that wheel.
    """
    if hashlib.sha256(wheel).hexdigest() != WHEEL_SHA256:
        raise ValueError(f"the file is not the wheel of musicnn 0.1.0, whose sha256 is {WHEEL_SHA256}")
    with zipfile.ZipFile(io.BytesIO(wheel)) as files:
        arrays = read_checkpoint(files.read(f"{_FOLDER}/.index"), files.read(f"{_FOLDER}/.data-00000-of-00001"))
    state = _Published(arrays).state()
    return {name: torch.from_numpy(array).half().contiguous() for name, array in state.items()}


class _Published:
    """The arrays as they were published, where layer i of a kind has the suffix _i, and the first has none."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays

    def state(self) -> dict[str, Weight]:
        """Arrays by their name in `Musicnn`."""
        kernels = [self._of("conv2d", layer, "kernel") for layer in range(len(FILTERS))]
        alive = [np.sqrt(np.square(kernel).sum((0, 1, 2))) > _DEAD_BELOW for kernel in kernels]
        constants = np.concatenate([self._constant(layer, kept) for layer, kept in enumerate(alive)])
        state: dict[str, Weight] = {}
        state["input.scale"], state["input.shift"] = self._norm(0)
        for layer, name in enumerate(FILTERS):
            state |= {f"front.{name}.{key}": value for key, value in self._filters(layer, alive[layer]).items()}
        kept = np.concatenate(alive)
        for layer in range(3):
            middle = self._middle(layer, kept, constants)
            state |= {f"middle.{layer}.{key}": value for key, value in middle.items()}
        return state | self._dense(kept, constants)

    def _of(self, kind: str, layer: int, part: str) -> Weight:
        return self._arrays[f"{kind}_{layer}/{part}" if layer else f"{kind}/{part}"].astype(np.float64)

    def _norm(self, layer: int) -> tuple[Weight, Weight]:
        """A batch normalisation as scale and shift."""
        gamma, beta, mean, variance = (
            self._of("batch_normalization", layer, part) for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        scale = gamma / np.sqrt(variance + _EPSILON)
        return scale, beta - mean * scale

    def _constant(self, layer: int, alive: npt.NDArray[np.bool_]) -> Weight:
        """What each filter of the front adds for any input; 0 for those that are alive."""
        scale, shift = self._norm(1 + layer)
        return np.where(alive, 0.0, np.maximum(self._of("conv2d", layer, "bias"), 0.0) * scale + shift)

    def _filters(self, layer: int, alive: npt.NDArray[np.bool_]) -> dict[str, Weight]:
        kernel, bias = self._of("conv2d", layer, "kernel"), self._of("conv2d", layer, "bias")[alive]
        scale, shift = (values[alive] for values in self._norm(1 + layer))
        sign = np.where(scale < 0.0, -1.0, 1.0)
        return {
            "filters.weight": kernel.transpose(3, 2, 0, 1)[alive] * sign[:, None, None, None],
            "bias": bias * sign,
            "sign": sign,
            "scaled.scale": scale,
            "scaled.shift": shift,
        }

    def _middle(self, layer: int, kept: npt.NDArray[np.bool_], constants: Weight) -> dict[str, Weight]:
        kernel = self._of("conv2d", len(FILTERS) + layer, "kernel")[:, :, 0].transpose(2, 1, 0)
        if layer == 0:
            # One channel of ones carries what the dead filters add. A bias would not do: at the edges it is padded.
            constant = (kernel * constants[None, :, None]).sum(1, keepdims=True)
            kernel = np.concatenate([kernel[:, kept], constant], 1)
        scale, shift = self._norm(1 + len(FILTERS) + layer)
        return {
            "convolution.weight": kernel,
            "convolution.bias": self._of("conv2d", len(FILTERS) + layer, "bias"),
            "scaled.scale": scale,
            "scaled.shift": shift,
        }

    def _dense(self, kept: npt.NDArray[np.bool_], constants: Weight) -> dict[str, Weight]:
        """Published, greatest and mean of a channel alternate; here all greatest values come first."""
        scale, shift = self._norm(_POOLED_NORM)
        dense = self._of("dense", 0, "kernel")
        greatest, mean = (dense * scale[:, None])[0::2], (dense * scale[:, None])[1::2]
        bias = self._of("dense", 0, "bias") + shift @ dense + constants @ (greatest + mean)[: len(kept)]
        rows = np.concatenate([kept, np.ones(3 * MIDDLE_CHANNELS, np.bool_)])
        output_scale, output_shift = self._norm(_OUTPUT_NORM)
        return {
            "dense.weight": np.concatenate([greatest[rows], mean[rows]]).T,
            "dense.bias": bias,
            "output.scale": output_scale,
            "output.shift": output_shift,
            "tags.weight": self._of("dense", 1, "kernel").T,
            "tags.bias": self._of("dense", 1, "bias"),
        }


def main(wheel: str, output: str) -> None:
    """Convert the file `wheel` to the file `output`."""
    Path(output).write_bytes(save(convert(Path(wheel).read_bytes())))


if __name__ == "__main__":
    main(*sys.argv[1:])
