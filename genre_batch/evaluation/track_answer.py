"""One track, heard and answered outside of any run."""

import io
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from genre_batch.catalog.reject import TrackRejected
from genre_batch.catalog.track import Track
from genre_batch.decode.sniff import sniff_file
from genre_batch.decode.waveform import Samples
from genre_batch.errors import UsageError
from genre_batch.evaluation.answers import DEADLINE_S
from genre_batch.features.front_end import FrontEnd, TrackSegments, WaveformFrontEnd
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.model.bundle import Bundle
from genre_batch.model.calibration import softmax
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.pooling import pool
from genre_batch.model.scores import Score, to_score
from genre_batch.storage.open_store import absolute, open_store
from genre_batch.storage.store import StorageError

TOP_K = 5


@dataclass(frozen=True, slots=True)
class HeardTrack:
    """The part of a track that a bundle hears, and its answer.

    samples: [n] float32 at `sample_rate` Hz, mono, of the level that the track has; they begin at start_s.
    duration_s: the whole track. audio_format: by its first bytes. decoder: the library that read it.
    """

    uri: str
    size_bytes: int
    audio_format: str
    decoder: str
    duration_s: float
    start_s: float
    sample_rate: int
    samples: Samples
    score: Score


def hear(uri: str, bundle: Bundle) -> HeardTrack:
    """The track at `uri` as `bundle` hears and answers it; its bytes are decoded in a child process only.

    The window is the one that a run over a catalog without ids of its own takes. Raises UsageError where the track
    cannot be read or scored.
    """
    track, data = _fetch(absolute(uri))
    settings = bundle.manifest.front_end
    window = settings.window
    plain = WaveformFrontEnd(window=window, sample_rate=settings.sample_rate, segment_s=window.length_s, rms_dbfs=None)
    try:
        sniffed = sniff_file(io.BytesIO(data), len(data))
        heard, segments = _extract(track, data, plain), _extract(track, data, settings)
    except TrackRejected as rejected:
        reason = f"{rejected.reject.reason}: {rejected.reject.message}"
        raise UsageError(f"{track.uri} cannot be heard, {reason}", "give another track") from rejected
    length = round(min(window.length_s, heard.duration_s - heard.window_start_s) * settings.sample_rate)
    return HeardTrack(
        uri=track.uri,
        size_bytes=track.size_bytes,
        audio_format=sniffed.format.value if sniffed else "unknown",
        decoder=heard.decoder,
        duration_s=heard.duration_s,
        start_s=heard.window_start_s,
        sample_rate=settings.sample_rate,
        samples=heard.segments[0, 0, :length].astype(np.float32),
        score=_score(segments, bundle),
    )


def _fetch(uri: str) -> tuple[Track, bytes]:
    store = open_store(uri)
    try:
        found = store.head(uri)
        data = store.read(uri, etag=found.etag)
    except StorageError as error:
        raise UsageError(f"the track cannot be read: {error}", "check the address and the credentials") from error
    return Track(uri, uri, found.etag, len(data)), data


def _extract(track: Track, data: bytes, front_end: FrontEnd) -> TrackSegments:
    with closing(SandboxedFrontEnd(front_end, DEADLINE_S)) as sandboxed:
        return sandboxed.extract(track, lambda start, length: data[start : start + length])


def _score(track: TrackSegments, bundle: Bundle) -> Score:
    manifest = bundle.manifest
    logits = open_predictor(bundle).logits(track.segments)
    of_segments = softmax(logits, manifest.calibration.temperature)
    count = len(of_segments)
    probabilities = pool(of_segments, np.zeros(count, np.int32), 1)[0]
    return to_score(probabilities, manifest.taxonomy, manifest.thresholds, segments=count, top_k=TOP_K)
