"""From samples to segments: the one function behind all front ends."""

import numpy as np
import numpy.typing as npt

from genre_batch.catalog.reject import RejectReason, Stage, TrackRejected
from genre_batch.decode.waveform import Samples
from genre_batch.features.finite import all_finite
from genre_batch.features.front_end import (
    DescriptorFrontEnd,
    FrontEnd,
    ImageFrontEnd,
    LogMelFrontEnd,
    MfccFrontEnd,
    Segments,
    WaveformFrontEnd,
)
from genre_batch.features.log_mel import log_mel
from genre_batch.features.loudness import normalise_loudness
from genre_batch.features.mfcc import mfcc
from genre_batch.features.scalogram_image import scalogram_image
from genre_batch.features.segments import cut_samples, cut_segments, standardise
from genre_batch.features.spectrogram_image import spectrogram_image

_Floats = npt.NDArray[np.float32]


def segments_of(samples: Samples, front_end: FrontEnd) -> Segments:
    """Segments [n_segments, rows, columns] of `samples` [n] at the front end's sample rate, of the front end's dtype.

    Raises TrackRejected where they are silent or not finite.
    """
    features = _features(normalise_loudness(samples, front_end.rms_dbfs), front_end)
    segments = standardise(features, front_end.mean, front_end.std, front_end.dtype)
    if not all_finite(segments):
        raise TrackRejected(RejectReason.NOT_FINITE, Stage.FEATURES, "the features hold NaN or infinity")
    return segments


def _features(samples: Samples, front_end: FrontEnd) -> _Floats:
    match front_end:
        case LogMelFrontEnd() | MfccFrontEnd():
            return cut_segments(_frames(samples, front_end), front_end.segment_frames, front_end.segment_hop_frames)
        case DescriptorFrontEnd():
            # librosa takes seconds to load, and only these need it
            from genre_batch.features.descriptors import descriptors

            cuts = cut_samples(samples, front_end.segment_samples)
            rate, columns = front_end.sample_rate, front_end.columns
            return np.stack([descriptors(cut, sample_rate=rate, columns=columns)[:, None] for cut in cuts])
        case ImageFrontEnd():
            return np.stack([_images(cut[0], front_end) for cut in _filled(samples, front_end.segment_samples)])
        case WaveformFrontEnd():
            return _filled(samples, front_end.segment_samples)


def _filled(samples: Samples, segment_samples: int) -> _Floats:
    """Segments [n, 1, segment_samples]; a short one is repeated."""
    return cut_segments(samples[None, :], segment_samples, segment_samples)


def _frames(samples: Samples, front_end: LogMelFrontEnd | MfccFrontEnd) -> _Floats:
    if isinstance(front_end, LogMelFrontEnd):
        return log_mel(
            samples,
            sample_rate=front_end.sample_rate,
            n_fft=front_end.n_fft,
            hop_length=front_end.hop_length,
            n_mels=front_end.n_mels,
            top_db=front_end.top_db,
        )
    return mfcc(
        samples,
        sample_rate=front_end.sample_rate,
        n_fft=front_end.n_fft,
        hop_length=front_end.hop_length,
        n_mels=front_end.n_mels,
        n_mfcc=front_end.n_mfcc,
    )


def _images(samples: Samples, front_end: ImageFrontEnd) -> _Floats:
    size, n_fft, hop_length = front_end.size, front_end.n_fft, front_end.hop_length
    pictures = [
        spectrogram_image(samples, n_fft=n_fft, hop_length=hop_length, size=size)
        if image == "spectrogram"
        else scalogram_image(samples, sample_rate=front_end.sample_rate, size=size)
        for image in front_end.images
    ]
    return np.concatenate(pictures)
