"""Names of the 57 descriptors of the published GTZAN table (seed 000), in its order; see docs/descriptors.md."""

_SPECTRAL = (
    "chroma_stft",
    "rms",
    "spectral_centroid",
    "spectral_bandwidth",
    "rolloff",
    "zero_crossing_rate",
    "harmony",
    "perceptr",
)
_N_MFCC = 20


def _mean_and_var(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}_{moment}" for name in names for moment in ("mean", "var"))


COLUMNS = (*_mean_and_var(_SPECTRAL), "tempo", *_mean_and_var(tuple(f"mfcc{i}" for i in range(1, _N_MFCC + 1))))
"""`perceptr` is the table's name for the percussive part."""
