"""Files that consist of several ones, such as recordings of radio: one link after another."""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import accumulate
from typing import BinaryIO

import numpy as np

from genre_batch.decode.audio_format import Decoder, Link
from genre_batch.decode.audio_reader import AudioReader
from genre_batch.decode.mix import Mix
from genre_batch.decode.waveform import Samples, downmix, resample
from genre_batch.storage.ranged_file import report_progress
from genre_batch.storage.spliced_file import splice

Open = Callable[[BinaryIO, tuple[Decoder, ...]], AudioReader]


class JoinedReader:
    """The links of `source` as one track, at the rate of the first one. Attributes as in SoundfileReader.

    channels: the most that a link has. open_reader: opens one link. Opening raises TrackRejected if a link cannot be
    opened.
    """

    tracks = 1

    def __init__(self, source: BinaryIO, links: tuple[Link, ...], open_reader: Open) -> None:
        self._source = source
        self._links = links
        self._open_reader = open_reader
        self._rates: list[int] = []
        lengths, channels = [], []
        for link in links:
            with closing(self._open(link)) as reader:
                self.name = reader.name
                channels.append(reader.channels)
                self._rates.append(reader.sample_rate)
                lengths.append(_frames(link, reader))
            report_progress(source)
        self.channels = max(channels)
        self.sample_rate = self._rates[0]
        here = (self._here(length, rate) for length, rate in zip(lengths, self._rates, strict=True))
        self._ends = list(accumulate(here))
        self.frames = self._ends[-1]

    def read(self, start: int, count: int, mix: Mix = downmix) -> Samples:
        """`count` frames from frame `start` on as mono [n] float32; n is smaller only at the end of the file.

        A link that yields less than its length is filled with silence, unless it is the last one.
        """
        pieces = list(self._pieces(start, start + count, mix))
        return np.concatenate(pieces) if pieces else np.empty(0, np.float32)

    def close(self) -> None:
        """Nothing to free; the source stays open."""

    def _open(self, link: Link) -> AudioReader:
        return self._open_reader(splice(self._source, link.pieces), link.decoders)

    def _here(self, frames: int, rate: int) -> int:
        return round(frames * self.sample_rate / rate)

    def _pieces(self, start: int, end: int, mix: Mix) -> Iterator[Samples]:
        for number, (link, rate, link_end) in enumerate(zip(self._links, self._rates, self._ends, strict=True)):
            link_start = self._ends[number - 1] if number else 0
            first, last = max(start, link_start), min(end, link_end)
            if first >= last:
                continue
            with closing(self._open(link)) as reader:
                begin, wanted = ((frame * rate) // self.sample_rate for frame in (first - link_start, last - first))
                samples = resample(reader.read(begin, max(1, wanted), mix), rate, self.sample_rate)[: last - first]
            missing = last - first - len(samples)
            yield np.pad(samples, (0, missing)) if link_end < self._ends[-1] and missing else samples


def _frames(link: Link, reader: AudioReader) -> int:
    if link.frames is None:
        return reader.frames
    return round(link.frames * reader.sample_rate / (link.rate or reader.sample_rate))
