"""What the pictures of sound have in common: cells averaged over areas, and decibels scaled to 0..1."""

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]
Powers = npt.NDArray[np.float64]

_RANGE_DB = 80.0
_LEAST_DB = -200.0  # far below the rounding of 24-bit sound


def area_means(cells: npt.NDArray[np.floating], edges: Powers) -> Powers:
    """Means [..., len(edges) - 1] of `cells` [..., n] over the areas between neighbouring `edges`.

    Edges rise within 0..n, in cells; an area may be a part of one cell.
    """
    n = cells.shape[-1]
    sums = np.zeros((*cells.shape[:-1], n + 1))
    np.cumsum(cells, axis=-1, dtype=np.float64, out=sums[..., 1:])
    whole = np.minimum(edges.astype(int), n - 1)
    upto = sums[..., whole] + (edges - whole) * cells[..., whole]
    return np.asarray(np.diff(upto, axis=-1) / np.diff(edges), np.float64)


def even_means(cells: npt.NDArray[np.floating], size: int) -> Powers:
    """`cells` [..., n] as [..., size]: means over areas of one width."""
    return area_means(cells, np.linspace(0.0, cells.shape[-1], size + 1))


def unit_decibels(power: Powers) -> Picture:
    """`power` in decibels as float32 of its shape: the largest value is 1, from 80 dB below it on 0; silence is 0."""
    decibels = 10.0 * np.log10(np.maximum(power, 10.0 ** (_LEAST_DB / 10.0)))
    loudest = max(float(decibels.max()), _LEAST_DB + _RANGE_DB)
    return np.asarray(np.maximum(1.0 + (decibels - loudest) / _RANGE_DB, 0.0), np.float32)
