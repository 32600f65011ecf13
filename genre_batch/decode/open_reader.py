"""Opens a file with the first decoder that can read it."""

from typing import BinaryIO

from genre_batch.catalog.reject import RejectReason, TrackRejected
from genre_batch.decode.audio_format import Decoder, DrFlac, Joined, Libav, Libsndfile
from genre_batch.decode.audio_reader import AudioReader
from genre_batch.decode.av_decoder import AvReader
from genre_batch.decode.dr_flac_decoder import DrFlacReader
from genre_batch.decode.joined_decoder import JoinedReader
from genre_batch.decode.soundfile_decoder import SoundfileReader
from genre_batch.storage.ranged_file import read_failure

_TRY_THE_NEXT = (RejectReason.UNSUPPORTED, RejectReason.CORRUPT)


def open_reader(source: BinaryIO, decoders: tuple[Decoder, ...]) -> AudioReader:
    """`source` opened by the first of `decoders` that can read it. Raises TrackRejected: that of the last one tried.

    A decoder may call a variant that it does not know corrupt, so the next one is tried then, too.
    """
    *others, last = decoders
    for kind in others:
        try:
            return _open(source, kind)
        except TrackRejected as attempt:
            if attempt.reject.reason not in _TRY_THE_NEXT or read_failure(source) is not None:
                raise
    return _open(source, last)


def _open(source: BinaryIO, kind: Decoder) -> AudioReader:
    match kind:
        case Libsndfile():
            return SoundfileReader(source)
        case Libav():
            return AvReader(source, kind)
        case DrFlac(frames):
            return DrFlacReader(source, frames)
        case Joined(links):
            return JoinedReader(source, links, open_reader)
