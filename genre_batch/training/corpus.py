"""A labelled source becomes the corpus that a model learns from."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from genre_batch.catalog.corpora import LabelledTrack
from genre_batch.catalog.reject import printable
from genre_batch.errors import UsageError
from genre_batch.features.front_end import FrontEnd
from genre_batch.model.scores import Labels
from genre_batch.notices import say, warn
from genre_batch.training.dataset import Example, Extract, as_segments
from genre_batch.training.feature_cache import Pieces
from genre_batch.wording import plural

OnUnreadable = Literal["refuse", "skip"]
"""What to do about labelled tracks that cannot be read."""


@dataclass(frozen=True, slots=True)
class TrainingCorpus:
    """Readable tracks and their `labels`, [n] indices into `genres`, which are sorted; `skipped` counts bad tracks."""

    examples: list[Example]
    genres: list[str]
    labels: Labels
    skipped: dict[str, int]

    @property
    def tracks(self) -> list[LabelledTrack]:
        """The labelled tracks of the examples, in their order."""
        return [example.labelled for example in self.examples]

    @property
    def pieces(self) -> list[Pieces]:
        """The pieces of the examples, in their order."""
        return [example.pieces for example in self.examples]


def read_training_corpus(
    tracks: Sequence[LabelledTrack], front_end: FrontEnd, extract: Extract, cache: Path, unreadable: OnUnreadable
) -> TrainingCorpus:
    """The examples of `tracks`; each unreadable track is reported on stderr and counted.

    Raises UsageError if no track can be read, or if one cannot and `unreadable` is "refuse".
    """
    examples: list[Example] = []
    skipped: Counter[str] = Counter()
    for outcome in extract(tracks, front_end, cache):
        if isinstance(outcome, Example):
            examples.append(outcome)
        else:
            skipped[outcome.reject.reason.value] += 1
            warn(f"cannot read {printable(outcome.labelled.track.uri)}: {outcome.reject.message}")
    if not examples:
        raise UsageError("none of the labelled tracks can be read", "see the reasons above, one line per track")
    if skipped and unreadable == "refuse":
        raise UsageError(
            f"{skipped.total():,} of {len(examples) + skipped.total():,} labelled tracks cannot be read",
            "see above; repair or remove them, or train without them: --set unreadable=skip",
        )
    say(f"read {plural(len(examples), 'track')}, skipped {skipped.total():,}")
    return _corpus(examples, dict(skipped))


def read_material(corpus: TrainingCorpus, front_end: FrontEnd, extract: Extract, cache: Path) -> list[Pieces]:
    """The pieces of the corpus's tracks with another `front_end` (a longer window), in the corpus's order.

    A track that cannot be read with it keeps its pieces.
    """
    say("reading the longer training windows")
    found = {
        outcome.labelled.track.track_id: outcome.pieces
        for outcome in extract(corpus.tracks, front_end, cache)
        if isinstance(outcome, Example)
    }
    return [found.get(example.labelled.track.track_id, example.pieces) for example in corpus.examples]


def by_segment(corpus: TrainingCorpus, front_end: FrontEnd) -> TrainingCorpus:
    """Every segment that scoring cuts as an example with an artist of its own: this is how figures leak."""
    return _corpus([single for example in corpus.examples for single in _singles(example, front_end)], corpus.skipped)


def _singles(example: Example, front_end: FrontEnd) -> list[Example]:
    # not standardised yet, so that these are the very values of the pieces
    pieces, labelled = as_segments(example.pieces, front_end), example.labelled
    singles = []
    for number, piece in enumerate(pieces):
        track = replace(labelled.track, track_id=f"{labelled.track.track_id}#{number}")
        alone = replace(labelled, track=track, group=f"segment:{track.track_id}")
        singles.append(Example(alone, piece[None], example.sha256))
    return singles


def _corpus(examples: list[Example], skipped: dict[str, int]) -> TrainingCorpus:
    genres = sorted({example.labelled.genre for example in examples})
    labels = np.array([genres.index(example.labelled.genre) for example in examples], np.int64)
    return TrainingCorpus(examples, genres, labels, skipped)
