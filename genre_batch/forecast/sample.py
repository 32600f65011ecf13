"""A sample of a few tracks per format, drawn in one pass: cost differs more between formats than within one."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pyarrow as pa

from genre_batch.catalog.track import Track
from genre_batch.catalog.track_table import to_tracks

_FORMATS = 32
_OTHERS = "others"
_AT_LEAST = 2


@dataclass(slots=True)
class Stratum:
    """The tracks with one file extension: their number, their bytes in all, and a uniform sample of them."""

    name: str
    tracks: int = 0
    size_bytes: int = 0
    sample: list[Track] = field(default_factory=list)


class StratifiedSample:
    """Keeps at most `most` tracks per format; the same tracks in the same order and the same seed give the same sample.

    Formats after the first 32, more than can be decoded, count as one.
    """

    def __init__(self, most: int, seed: int = 0) -> None:
        self._most = most
        self._strata: dict[str, Stratum] = {}
        self._random = random.Random(seed)

    def passing(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same rows of tracks, each of which may be sampled as it passes."""
        for batch in batches:
            for track in to_tracks(batch):
                self._add(track)
            yield batch

    def _add(self, track: Track) -> None:
        stratum = self._stratum(PurePosixPath(track.uri).suffix.lower())
        stratum.tracks += 1
        stratum.size_bytes += max(0, track.size_bytes)
        if len(stratum.sample) < self._most:
            stratum.sample.append(track)
        elif (slot := self._random.randrange(stratum.tracks)) < self._most:
            stratum.sample[slot] = track

    def _stratum(self, suffix: str) -> Stratum:
        if suffix not in self._strata and len(self._strata) >= _FORMATS:
            suffix = _OTHERS
        return self._strata.setdefault(suffix, Stratum(suffix))

    def draw(self) -> list[Stratum]:
        """About `most` tracks in all, split by the formats' shares; at least two per format, to estimate its spread."""
        total = sum(stratum.tracks for stratum in self._strata.values())
        # the head of a reservoir is not a random sample: until it is full, it is the head of the listing
        return [
            Stratum(each.name, each.tracks, each.size_bytes, self._random.sample(each.sample, self._quota(each, total)))
            for each in self._strata.values()
        ]

    def _quota(self, stratum: Stratum, total: int) -> int:
        return min(len(stratum.sample), max(_AT_LEAST, round(self._most * stratum.tracks / total)))
