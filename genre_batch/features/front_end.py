"""Every front end, by name: what turns the samples of a track into model inputs."""

from dataclasses import dataclass
from typing import Annotated, get_args

from pydantic import Field

from genre_batch.catalog.track import TrackFacts
from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.features.front_ends.image import ImageFrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.front_ends.mfcc import MfccFrontEnd
from genre_batch.features.front_ends.plain_waveform import WaveformFrontEnd
from genre_batch.features.segments import Segments

AnyFrontEnd = LogMelFrontEnd | MfccFrontEnd | DescriptorFrontEnd | ImageFrontEnd | WaveformFrontEnd

FrontEnd = Annotated[AnyFrontEnd, Field(discriminator="name")]
"""Everything between a track's bytes and its segments; `name` says which kind."""

FRONT_ENDS: tuple[type[AnyFrontEnd], ...] = get_args(AnyFrontEnd)


@dataclass(frozen=True, slots=True)
class TrackSegments:
    """The model inputs of one track.

    segments: [n_segments, rows, columns], standardised.
    """

    segments: Segments
    facts: TrackFacts
