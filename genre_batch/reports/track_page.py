"""The page of one track: the part that a bundle hears, its answer to it, and figures of the sound."""

import io
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genre_batch.catalog.reject import TrackRejected
from genre_batch.catalog.track import Track, TrackFacts
from genre_batch.decode.audio_file import open_audio
from genre_batch.decode.waveform import Samples
from genre_batch.decode.window import Span, Window
from genre_batch.errors import UsageError
from genre_batch.evaluation.bundle_answers import TRACK_DEADLINE_S
from genre_batch.features.front_end import FrontEnd, TrackSegments
from genre_batch.features.front_ends.plain_waveform import WaveformFrontEnd
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.model.bundle import Bundle
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.scores import Score, pooled_answers, to_score
from genre_batch.reports.page import render_page
from genre_batch.reports.vector import drawing
from genre_batch.storage.open_store import absolute, open_store
from genre_batch.storage.store import StorageError
from genre_batch.storage.uri import is_s3, local_path

TOP_K = 5


@dataclass(frozen=True, slots=True)
class HeardTrack:
    """The part of a track that a bundle hears, and its answer.

    samples: [n] float32 at `sample_rate` Hz, mono, at the track's own level: what lies in `spans`, one after another.
    duration_s: of the whole track. audio_format: by its first bytes. decoder: the library that read it.
    """

    uri: str
    size_bytes: int
    audio_format: str
    decoder: str
    duration_s: float
    spans: tuple[Span, ...]
    sample_rate: int
    samples: Samples
    score: Score

    @property
    def start_s(self) -> float:
        """Where the first span begins."""
        return self.spans[0].start_s


def hear(uri: str, bundle: Bundle) -> HeardTrack:
    """The track at `uri` as `bundle` hears and answers it; its bytes are decoded only in a child process.

    The window is that of a run over a catalog without ids of its own. Raises UsageError if the track cannot be read or
    scored.
    """
    track, data = _fetch(absolute(uri))
    settings = bundle.manifest.front_end
    try:
        audio = open_audio(io.BytesIO(data), len(data))
        segments = _extract(track, data, settings)
        spans = _heard_spans(settings.window, segments.facts)
        plain = WaveformFrontEnd(
            window=settings.window,
            sample_rate=settings.sample_rate,
            channels=settings.channels,
            segment_s=spans[0].length_s if len(spans) > 1 else settings.window.total_s,
            rms_dbfs=None,
        )
        heard = _extract(track, data, plain)
    except TrackRejected as rejected:
        reason = f"{rejected.reject.reason}: {rejected.reject.message}"
        raise UsageError(f"{track.uri} cannot be scored, {reason}", "choose another track") from rejected
    length = round(sum(span.length_s for span in spans) * settings.sample_rate)
    return HeardTrack(
        uri=track.uri,
        size_bytes=track.size_bytes,
        audio_format=audio.format.name if audio else "unknown",
        decoder=heard.facts.decoder,
        duration_s=heard.facts.duration_s,
        spans=spans,
        sample_rate=settings.sample_rate,
        samples=heard.segments[:, 0].ravel()[:length].astype(np.float32),
        score=_score(segments, bundle),
    )


def _heard_spans(window: Window, facts: TrackFacts) -> tuple[Span, ...]:
    """What was heard of a track: where the window says, or one piece elsewhere if nothing sounds there."""
    spread = window.spans_s("", facts.duration_s)
    if len(spread) > 1 and spread[0].start_s == facts.window_start_s:
        return spread
    return (Span(facts.window_start_s, min(window.total_s, facts.duration_s - facts.window_start_s)),)


def _fetch(uri: str) -> tuple[Track, bytes]:
    store = open_store(uri)
    try:
        found = store.head(uri)
        data = store.read(uri, etag=found.etag)
    except StorageError as error:
        hint = error.hint or "check the address and the credentials"
        raise UsageError(f"the track cannot be read: {error}", hint) from error
    return Track(uri, uri, found.etag, len(data)), data


def _extract(track: Track, data: bytes, front_end: FrontEnd) -> TrackSegments:
    with closing(SandboxedFrontEnd(front_end, TRACK_DEADLINE_S)) as sandboxed:
        return sandboxed.extract(track, lambda start, length: data[start : start + length])


def _score(track: TrackSegments, bundle: Bundle) -> Score:
    manifest = bundle.manifest
    logits = open_predictor(bundle).logits(track.segments)
    loudness, count = manifest.loudness(track.segments), len(logits)
    rows, temperature = np.zeros(count, np.int32), manifest.calibration.temperature
    probabilities = pooled_answers(logits, loudness, rows, 1, temperature)[0]
    return to_score(probabilities, manifest.taxonomy, manifest.thresholds, segments=count, top_k=TOP_K)


def track_page(track: HeardTrack, model_id: str) -> str:
    """The track as one self-contained HTML page. Raises UsageError if the libraries of `report` are missing."""
    from genre_batch.reports import track_figures  # librosa takes its time

    sound = track.samples, track.sample_rate
    drawings = {
        "waveform": drawing(track_figures.waveform_figure(*sound, track.start_s), "Waveform of the track"),
        "power_spectrum": drawing(track_figures.power_spectrum_figure(*sound), "Power spectrum of the track"),
        "spectrogram": drawing(track_figures.spectrogram_figure(*sound, track.start_s), "Spectrogram of the track"),
        "log_mel": drawing(track_figures.log_mel_figure(*sound, track.start_s), "Log mel of the track"),
        "mfcc": drawing(track_figures.mfcc_figure(*sound, track.start_s), "Mfcc of the track"),
        "chroma": drawing(track_figures.chroma_figure(*sound, track.start_s), "Chroma of the track"),
        "spectral_roll_off": drawing(
            track_figures.spectral_roll_off_figure(*sound, track.start_s), "Spectral roll off of the track"
        ),
        "zero_crossings": drawing(
            track_figures.zero_crossings_figure(*sound, track.start_s), "Zero crossings of the track"
        ),
    }
    return render_page("track.html.j2", track=track, model_id=model_id, drawings=drawings, audio=_audio(track))


def _audio(track: HeardTrack) -> str | None:
    """The address from which a browser on this machine plays the part that was heard; None if the file is elsewhere."""
    if is_s3(track.uri):
        return None
    return f"{Path(local_path(track.uri)).resolve().as_uri()}#t={track.start_s:.2f},{track.spans[-1].end_s:.2f}"
