"""Statistics of a log-mel segment that describe how it sounds, not what is played when. Nothing here is learned."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

_N_MFCC = 20
_N_COVARIANCE = 12
_SMALLEST_SPREAD = 1e-2
_COVARIANCE_FLOOR = 3.0
_SLOPE_FRAMES = 4
_RANGES = 4
_RANGE_BANDS = 48
_MODULATION_BINS = (1, 2, 3, 5, 8, 12, 18, 28, 44, 64)
_CEPSTRAL_BINS = (0, 1, 2, 3, 5, 8, 12, 20, 48)
_LAGS = (4, 6, 8, 11, 14, 18, 22, 27, 33, 40, 48, 58, 70, 84, 102, 128)


class Textures(nn.Module):
    """Segments [B, 1, n_mels, frames] of log-mel power in dB to [B, 748] float32, for 256 frames of about 12 ms.

    Four groups: moments of MFCC and their slopes; mean and log-covariance of MFCC with slopes (log-Euclidean, Arsigny
    et al. 2006); modulation power in four overlapping ranges of bands (a two-dimensional spectrum of the spectrogram,
    summed in cells of spectral and temporal modulation, Chi et al. 2005); autocorrelation of the onset strength.
    """

    cepstrum: torch.Tensor
    range_cepstrum: torch.Tensor
    fade: torch.Tensor
    upper: torch.Tensor
    upper_scale: torch.Tensor

    def __init__(self, n_mels: int, frames: int) -> None:
        super().__init__()
        self._starts = [round(place * (n_mels - _RANGE_BANDS) / (_RANGES - 1)) for place in range(_RANGES)]
        window = torch.hann_window(_RANGE_BANDS + 2, periodic=False)[1:-1]
        rows, columns = torch.triu_indices(2 * _N_COVARIANCE, 2 * _N_COVARIANCE)
        self.register_buffer("cepstrum", _dct(n_mels)[:_N_MFCC], persistent=False)
        self.register_buffer("range_cepstrum", _dct(_RANGE_BANDS) * window, persistent=False)
        self.register_buffer("fade", torch.hann_window(frames, periodic=False), persistent=False)
        self.register_buffer("upper", torch.stack([rows, columns]), persistent=False)
        self.register_buffer("upper_scale", torch.where(rows == columns, 1.0, math.sqrt(2.0)), persistent=False)

    def forward(self, segments: torch.Tensor) -> torch.Tensor:
        """Segments [B, 1, n_mels, frames] to [B, n_statistics] float32."""
        decibels = segments.float().squeeze(1)
        mfcc = self.cepstrum @ decibels
        covariance = self._covariance(mfcc[:, :_N_COVARIANCE])
        return torch.cat([_moments(mfcc), covariance, self._modulation(decibels), _rhythm(decibels)], dim=1)

    def _covariance(self, mfcc: torch.Tensor) -> torch.Tensor:
        far = 2 * _SLOPE_FRAMES
        both = torch.cat([mfcc[:, :, _SLOPE_FRAMES:-_SLOPE_FRAMES], mfcc[:, :, far:] - mfcc[:, :, :-far]], dim=1)
        centred = both - both.mean(dim=2, keepdim=True)
        covariance = centred @ centred.mT / both.shape[2]
        # eigh refuses a whole batch for one NaN; the means below pass it on for its own segment alone
        values, vectors = torch.linalg.eigh(covariance.double().nan_to_num())
        logs = (values.clamp(min=0.0) + _COVARIANCE_FLOOR).log()
        logarithm = (vectors * logs[:, None]) @ vectors.mT
        upper = logarithm[:, self.upper[0], self.upper[1]].float() * self.upper_scale
        return torch.cat([mfcc.mean(dim=2), upper], dim=1)

    def _modulation(self, decibels: torch.Tensor) -> torch.Tensor:
        centred = (decibels - decibels.mean(dim=2, keepdim=True)) * self.fade
        # time first: only a quarter of its spectrum is used, and the ranges share their bands
        spectrum = torch.fft.rfft(centred, dim=2)[:, :, : _MODULATION_BINS[-1]]
        parts = torch.cat([spectrum.real, spectrum.imag], dim=2)
        ranges = torch.stack([parts[:, start : start + _RANGE_BANDS] for start in self._starts], dim=1)
        power = _power(*(self.range_cepstrum @ ranges).chunk(2, dim=3))
        cells = _cell_means(_cell_means(power, 3, _MODULATION_BINS), 2, _CEPSTRAL_BINS)
        return (cells + 1.0).log().flatten(start_dim=1)


def _moments(mfcc: torch.Tensor) -> torch.Tensor:
    slope = mfcc[:, :, 2:] - mfcc[:, :, :-2]
    bend = slope[:, :, 2:] - slope[:, :, :-2]
    spreads = [(_spread(values) + _SMALLEST_SPREAD).log() for values in (mfcc, slope, bend)]
    return torch.cat([mfcc.mean(dim=2), *spreads], dim=1)


def _rhythm(decibels: torch.Tensor) -> torch.Tensor:
    rise = (decibels[:, :, 2:] - decibels[:, :, :-2]).clamp(min=0.0)
    onsets = torch.stack([bands.mean(dim=1) for bands in rise.chunk(_RANGES, dim=1)], dim=1)
    onsets = onsets - onsets.mean(dim=2, keepdim=True)
    spectrum = torch.fft.rfft(onsets, 2 * decibels.shape[2], dim=2)
    power = _power(spectrum.real, spectrum.imag)
    lags = torch.fft.irfft(power, dim=2)
    lags = lags / (lags[:, :, :1] + 1e-3)
    peaks = [lags[:, :, low:high].amax(dim=2) for low, high in pairwise(_LAGS)]
    spread = _spread(onsets)
    skewness = onsets.pow(3).mean(dim=2) / (spread.pow(3) + 1e-3)
    return torch.cat([*peaks, (spread + 0.1).log(), skewness], dim=1)


def _power(real: torch.Tensor, imag: torch.Tensor) -> torch.Tensor:
    """The squared magnitude, in a quarter of the time of `abs().square()`, which takes a square root first."""
    return torch.addcmul(real.square(), imag, imag)


def _spread(values: torch.Tensor) -> torch.Tensor:
    """The standard deviation over the last dimension, in a tenth of the time of `std`."""
    return (values - values.mean(dim=-1, keepdim=True)).square().mean(dim=-1).sqrt()


def _cell_means(power: torch.Tensor, dim: int, edges: Sequence[int]) -> torch.Tensor:
    cells = [power.narrow(dim, low, high - low).mean(dim=dim, keepdim=True) for low, high in pairwise(edges)]
    return torch.cat(cells, dim=dim)


def _dct(n: int) -> torch.Tensor:
    """The orthonormal DCT-II, [n, n]."""
    row = torch.arange(n, dtype=torch.float64)
    matrix = torch.cos(math.pi / n * (row + 0.5) * row[:, None]) * math.sqrt(2.0 / n)
    matrix[0] /= math.sqrt(2.0)
    return matrix.float()
