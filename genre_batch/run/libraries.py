"""The libraries that decide the answers of a run."""

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

_LIBRARIES = (
    "genre-batch",
    "ray",
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "librosa",
    "soundfile",
    "miniaudio",
    "av",
    "soxr",
    "pyarrow",
)


def library_versions() -> dict[str, str]:
    """The version of each that is installed: miniaudio is not everywhere."""
    found = {}
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
