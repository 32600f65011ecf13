"""The libraries that decide the answers of a run."""

from importlib.metadata import version

_LIBRARIES = (
    "genre-batch",
    "ray",
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "librosa",
    "soundfile",
    "av",
    "soxr",
    "pyarrow",
)


def library_versions() -> dict[str, str]:
    """The version of each."""
    return {name: version(name) for name in _LIBRARIES}
