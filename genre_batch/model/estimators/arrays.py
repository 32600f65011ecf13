"""Plain arrays as a weights file, and back."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from genre_batch.errors import UsageError

Stored = npt.NDArray[np.float32] | npt.NDArray[np.int64]


def save_arrays(arrays: Mapping[str, Stored]) -> bytes:
    """`arrays` by name in the safetensors format."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def load_arrays(weights: bytes, shapes: Mapping[str, tuple[int | None, ...]]) -> dict[str, npt.NDArray[np.float32]]:
    """The arrays of `weights` by name, which must be finite and have the names and `shapes` given.

    None in a shape allows any length except 0. Raises UsageError if the bytes hold anything else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(weights)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise damaged(str(error).splitlines()[0]) from error
    if set(arrays) != set(shapes):
        raise damaged(f"it holds {sorted(arrays)}, not {sorted(shapes)}")
    for name, shape in shapes.items():
        array = arrays[name]
        if array.dtype not in (np.float32, np.int64) or not _fits(array.shape, shape):
            raise damaged(f"{name} is {array.dtype} {array.shape}")
        if not np.isfinite(array).all():
            raise damaged(f"{name} is not finite")
    return arrays


def damaged(detail: str) -> UsageError:
    """The error for weights that cannot be used."""
    return UsageError(
        f"the weights of the model bundle do not fit its architecture: {detail}", "train the bundle again"
    )


def _fits(found: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    if len(found) != len(expected):
        return False
    return all(have == want or (want is None and have > 0) for have, want in zip(found, expected, strict=True))
