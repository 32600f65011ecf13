"""Golden vectors: a few seconds of sound with the answers that they had when the bundle was made.

An actor compares them when it starts, so that another library version, a damaged GPU or a changed front end is found
before a catalog is labelled wrongly.
"""

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from genre_batch.errors import UsageError, UserError
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.segments import Segments
from genre_batch.model.bundle import GOLDEN_FILE, Bundle
from genre_batch.model.scores import Floats, softmax

SEGMENT_TOLERANCE = 2e-3
"""Allowed error of a segment's values, absolute and relative: two steps of float16 around 1, one above 2."""

PROBABILITY_TOLERANCE = {"fp32": 1e-3, "bf16": 5e-2, "fp16": 1e-2}
"""Allowed absolute error of a probability, by precision. In fp32 only the order of additions varies."""

LENGTH_S = 4.0
_SEED = 20201208
_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    MemoryError,
    OverflowError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy and zipfile raise for archives that are truncated, forged, encrypted, or declare more than they hold."""

_FULL_SCALE = 32768.0
_MOST_BYTES = 64 << 20
"""Of all arrays, unpacked: the largest front ends take a few MiB for four seconds of sound."""
_BOUNDED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""With these, zipfile unpacks at most the requested bytes per call, and at most the size in the archive's table."""


class GivesLogits(Protocol):
    """What a predictor must offer; a protocol, as this module does not load torch."""

    @property
    def precision(self) -> str:
        """A key of PROBABILITY_TOLERANCE."""

    def logits(self, segments: Segments) -> Floats:
        """[n, n_genres] float32 for `segments` [n, rows, columns]."""


@runtime_checkable
class GivesLayer(GivesLogits, Protocol):
    """What a predictor of a bundle with embeddings offers too."""

    def logits_and_layer(self, segments: Segments) -> tuple[Floats, Floats]:
        """Logits, and the network's last layer [n, n_values] float32."""


@dataclass(frozen=True, slots=True)
class GoldenVectors:
    """audio: [n] int16 at the front end's rate. segments: computed from it. probabilities: [n_segments, g] float32."""

    audio: npt.NDArray[np.int16]
    segments: Segments
    probabilities: Floats


def make_golden(bundle: Bundle, predictor: GivesLogits) -> bytes:
    """The bytes of golden.npz for a bundle that has no golden vectors yet; `predictor` must run in fp32."""
    front_end = bundle.manifest.front_end
    audio = synthesise_chords(front_end.sample_rate)
    segments = _golden_segments(audio, front_end)
    probabilities = softmax(predictor.logits(segments), bundle.manifest.calibration.temperature)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, audio=audio, segments=segments, probabilities=probabilities)
    return buffer.getvalue()


def read_golden(bundle: Bundle) -> GoldenVectors:
    """The bundle's golden vectors. Raises UsageError if the file does not hold them."""
    manifest = bundle.manifest
    try:
        _require_small(bundle.files[GOLDEN_FILE])
        with np.load(io.BytesIO(bundle.files[GOLDEN_FILE]), allow_pickle=False) as arrays:
            golden = GoldenVectors(arrays["audio"], arrays["segments"], arrays["probabilities"])
    except _UNREADABLE as error:
        raise _not_golden(bundle) from error
    shape, dtype = manifest.front_end.segment_shape, manifest.front_end.dtype
    fits = golden.audio.dtype == np.int16 and golden.audio.ndim == 1 and len(golden.audio) > 0
    fits = fits and golden.segments.dtype == dtype and golden.segments.shape[1:] == shape
    answers = len(golden.segments), len(manifest.taxonomy.genres)
    if not fits or golden.probabilities.dtype != np.float32 or golden.probabilities.shape != answers:
        raise _not_golden(bundle)
    return golden


def _require_small(archive: bytes) -> None:
    """Raise ValueError if unpacking could take more memory than golden vectors need."""
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        table = members.infolist()
    if sum(member.file_size for member in table) > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_BYTES} bytes")
    if not all(member.compress_type in _BOUNDED for member in table):
        raise ValueError("a compression that numpy does not use")


def check_segments(bundle: Bundle) -> None:
    """Raise UserError unless the front end turns the golden sound into the golden segments."""
    golden = read_golden(bundle)
    segments = _golden_segments(golden.audio, bundle.manifest.front_end)
    if segments.shape != golden.segments.shape:
        raise _differs(bundle, "the front end", f"shape {segments.shape}, not {golden.segments.shape}")
    expected = golden.segments.astype(np.float32)
    error = np.abs(segments.astype(np.float32) - expected)
    if not (error <= SEGMENT_TOLERANCE * (1.0 + np.abs(expected))).all():
        raise _differs(bundle, "the front end", f"largest difference {error.max():.2g}")


def check_probabilities(bundle: Bundle, predictor: GivesLogits) -> None:
    """Raise UserError unless the network gives the golden segments their golden probabilities."""
    golden = read_golden(bundle)
    probabilities = softmax(predictor.logits(golden.segments), bundle.manifest.calibration.temperature)
    error = np.abs(probabilities - golden.probabilities)
    if not (error <= PROBABILITY_TOLERANCE[predictor.precision]).all():
        raise _differs(bundle, f"the network in {predictor.precision}", f"largest difference {error.max():.2g}")


def synthesise_chords(sample_rate: int, length_s: float = LENGTH_S) -> npt.NDArray[np.int16]:
    """Four chords with a decaying beat of noise, [length_s * sample_rate] int16; the same for the same arguments."""
    random = np.random.default_rng(_SEED)
    seconds = np.arange(round(length_s * sample_rate)) / sample_rate
    chord = np.minimum(seconds / length_s * 4, 3).astype(int)
    roots_hz = np.array([220.0, 174.61, 261.63, 196.0])[chord]
    phase = 2.0 * np.pi * np.cumsum(roots_hz) / sample_rate
    tones = sum(np.sin(ratio * phase) / ratio for ratio in (1.0, 1.25, 1.5, 2.0, 3.0, 4.0))
    beat = np.exp(-12.0 * (seconds % 0.5)) * random.standard_normal(len(seconds))
    sound = 0.1 * tones + 0.1 * beat + 0.001 * random.standard_normal(len(seconds))
    quantised: npt.NDArray[np.int16] = np.clip(sound * _FULL_SCALE, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
    return quantised


def _golden_segments(audio: npt.NDArray[np.int16], front_end: FrontEnd) -> Segments:
    return front_end.segments(audio.astype(np.float32) / np.float32(_FULL_SCALE))


def _not_golden(bundle: Bundle) -> UsageError:
    return UsageError(
        f"{GOLDEN_FILE} of the model bundle {bundle.uri} does not hold its golden vectors", "train the bundle again"
    )


def _differs(bundle: Bundle, part: str, detail: str) -> UserError:
    return UserError(
        f"{part} does not reproduce the golden answers of the model bundle {bundle.uri} ({detail})",
        "install the library versions of constraints.txt, or another precision, or train the bundle again",
    )
