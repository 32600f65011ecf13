"""Whether features hold NaN or infinity."""

import numpy as np
import numpy.typing as npt

_HALF_EXPONENT = 0x7C00


def all_finite(numbers: npt.NDArray[np.floating]) -> bool:
    """True unless `numbers` (of any shape) hold NaN or infinity.

    A half-precision number is neither unless all bits of its exponent are set: numpy's own test of them converts each,
    and takes ten times as long.
    """
    if numbers.dtype.newbyteorder("=") != np.float16:
        return bool(np.isfinite(numbers).all())
    bits = numbers.view(numbers.dtype.str.replace("f", "u"))
    return not ((bits & _HALF_EXPONENT) == _HALF_EXPONENT).any()
