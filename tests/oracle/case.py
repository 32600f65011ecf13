"""One generated file with its right outcome, and the judge."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import soxr
from oracle.song import MASTER_RATE, SONG, Piece, Sound, rendered_mono

from genre_batch.catalog.reject import TrackRejected
from genre_batch.decode.decoder import decode_window
from genre_batch.decode.fetch_window import fetch_window
from genre_batch.decode.waveform import Waveform, resample
from genre_batch.decode.window import Window
from genre_batch.features.front_end import FrontEnd
from genre_batch.features.loudness import without_offset
from genre_batch.features.segments import Segments
from genre_batch.model.bundle import load_bundle
from genre_batch.model.golden import GivesLogits
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import softmax
from genre_batch.storage.ranged_file import RangedFile

WINDOW = Window(length_s=8.0, min_offset_s=4, max_offset_s=26)
TRACK_IDS = ("a", "h")
"""Their windows begin at 5 and 22 s."""

DURATION_OFF_S = 0.05
LATE_S = 0.06
"""How much later or earlier than in the song a moment may be heard: encoders delay their input."""

_COARSE_RATE = 6_000
_FINE = 12


@dataclass(frozen=True, slots=True)
class Case:
    """A file and its right outcome.

    pieces: what is heard in it. outcome: `scored`, or the reasons that are right for the reject. correlation: with the
    reference, at the least. late_s: how much later than in the reference it may be heard. start_s: where the window
    begins, if the rule of the window does not say so.
    """

    name: str
    data: Callable[[], bytes]
    pieces: tuple[Piece, ...] = SONG
    outcome: frozenset[str] = frozenset({"scored"})
    correlation: float = 0.99
    duration_s: float | None = None
    duration_off_s: float = DURATION_OFF_S
    late_s: float = LATE_S
    start_s: float | None = None

    @property
    def seconds(self) -> float:
        """How long the file is."""
        return sum(piece.seconds for piece in self.pieces) if self.duration_s is None else self.duration_s


def decode(data: bytes, track_id: str, window: Window = WINDOW) -> Waveform:
    """The window of a file, read by ranges as in an actor."""
    file = RangedFile(lambda start, length: data[start : start + length], len(data))
    fetch_window(file, track_id, window, whole_bytes=32 << 20)
    return decode_window(io.BufferedReader(file), len(data), track_id, window)


def judge(case: Case, track_id: str, *, with_label: bool = False) -> str:
    """What is wrong with the outcome of `case` for a track of that id; empty if nothing is.

    with_label: also ask the model `cheap` about the window, and about the same stretch of the reference.
    """
    try:
        found = decode(case.data(), track_id)
        centred = without_offset(found.samples)
        segments = _front_end().segments(resample(centred, found.sample_rate, _front_end().sample_rate))
    except TrackRejected as rejected:
        reject = rejected.reject
        return "" if reject.reason in case.outcome else f"{reject.reason}: {reject.message}"
    if "scored" not in case.outcome:
        return f"scored, but it should be {' or '.join(sorted(case.outcome))}"
    facts = found.facts
    if abs(facts.duration_s - case.seconds) > case.duration_off_s:
        return f"{facts.duration_s:.3f} s long, but it should be {case.seconds:.3f}"
    start_s = WINDOW.start_s(track_id, case.seconds) if case.start_s is None else case.start_s
    if abs(facts.window_start_s - start_s) > case.duration_off_s:
        return f"the window begins at {facts.window_start_s:.3f} s, but it should at {start_s:.3f}"
    length_s, band = len(found.samples) / found.sample_rate, min(found.sample_rate, MASTER_RATE)
    likeness, late = compare(found, _limited(case.pieces, facts.window_start_s, length_s, band), case.late_s)
    if not likeness >= case.correlation:  # also if it is not a number
        return f"correlation {likeness:.4f}, {late / MASTER_RATE:+.4f} s off"
    return _compared_labels(segments, case.pieces, facts.window_start_s, found) if with_label else ""


@cache
def _front_end() -> FrontEnd:
    return load_bundle("cheap").manifest.front_end


@cache
def _predictor() -> GivesLogits:
    return open_predictor(load_bundle("cheap"))


def _compared_labels(segments: Segments, pieces: tuple[Piece, ...], start_s: float, found: Waveform) -> str:
    """What is wrong if the label is not that of the reference at the rate of the file."""
    got = _answer(segments)
    right = _right_answer(pieces, start_s, len(found.samples) / found.sample_rate, found.sample_rate)
    if got.argmax() == right.argmax():
        return ""
    return f"label {int(got.argmax())} ({got.max():.2f}), but it should be {int(right.argmax())} ({right.max():.2f})"


@lru_cache(maxsize=64)
def _right_answer(pieces: tuple[Piece, ...], start_s: float, length_s: float, sample_rate: int) -> Sound:
    limited = _at(_reference(pieces, start_s, length_s), MASTER_RATE, sample_rate)
    return _answer(_front_end().segments(_at(limited, sample_rate, _front_end().sample_rate)))


def _answer(segments: Segments) -> Sound:
    """The probability of each label [labels]."""
    probabilities: Sound = softmax(_predictor().logits(segments)).mean(axis=0)
    return probabilities


def _reference(pieces: tuple[Piece, ...], start_s: float, length_s: float) -> Sound:
    first = round(start_s * MASTER_RATE)
    return rendered_mono(pieces)[first : first + round(length_s * MASTER_RATE)]


@lru_cache(maxsize=64)
def _limited(pieces: tuple[Piece, ...], start_s: float, length_s: float, band: int) -> Sound:
    """The reference with what a file of the sample rate `band` can hold of it, at MASTER_RATE."""
    return _at(_at(_reference(pieces, start_s, length_s), MASTER_RATE, band), band, MASTER_RATE)


def compare(found: Waveform, limited: Sound, late_s: float) -> tuple[float, int]:
    """The highest correlation of both, and by how many samples at MASTER_RATE the one found is late then."""
    got = _at(found.samples, found.sample_rate, MASTER_RATE)
    count = min(len(got), len(limited))
    got, limited = got[:count], limited[:count]
    step = MASTER_RATE // _COARSE_RATE
    small_got, small_wanted = (_at(sound, MASTER_RATE, _COARSE_RATE) for sound in (got, limited))
    spectrum = np.fft.rfft(small_got, 2 * len(small_got)) * np.conj(np.fft.rfft(small_wanted, 2 * len(small_wanted)))
    likeness = np.fft.irfft(spectrum)
    most = int(late_s * _COARSE_RATE)
    lags = np.concatenate([np.arange(0, most + 1), np.arange(-most, 0)])
    coarse = int(lags[np.argmax(np.abs(likeness[lags]))]) * step
    fine = range(coarse - _FINE, coarse + _FINE + 1)
    return max((_correlation(got, limited, late), late) for late in fine)


def _correlation(got: Sound, wanted: Sound, late: int) -> float:
    one, other = (got[late:], wanted[: len(wanted) - late]) if late >= 0 else (got[:late], wanted[-late:])
    scale = float(np.sqrt(np.dot(one, one) * np.dot(other, other)))
    return abs(float(np.dot(one, other))) / scale if scale else 0.0


def _at(sound: Sound, rate: int, wanted_rate: int) -> Sound:
    return sound if rate == wanted_rate else soxr.resample(sound, rate, wanted_rate).astype(np.float32)
