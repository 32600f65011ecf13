"""A labelled source becomes all that a model learns from."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genre_batch.catalog.corpora import LabelledTrack, read_corpus
from genre_batch.catalog.reject import printable
from genre_batch.errors import UsageError
from genre_batch.features.front_end import FrontEnd
from genre_batch.training.dataset import Example, HalfSpectrogram, read_examples
from genre_batch.training.fit import Labels
from genre_batch.training.progress import tell


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
    def spectrograms(self) -> list[HalfSpectrogram]:
        """The spectrograms of the examples, in their order."""
        return [example.spectrogram for example in self.examples]


def read_training_corpus(source: str, front_end: FrontEnd, *, cache: Path | None, deadline_s: float) -> TrainingCorpus:
    """The labelled tracks of `source`; each bad one is told on stderr, counted and left out.

    Raises UsageError if none can be read.
    """
    examples: list[Example] = []
    skipped: Counter[str] = Counter()
    for outcome in read_examples(read_corpus(source), front_end, cache=cache, deadline_s=deadline_s):
        if isinstance(outcome, Example):
            examples.append(outcome)
        else:
            skipped[outcome.reject.reason.value] += 1
            tell(f"skipped {printable(outcome.labelled.track.uri)}: {outcome.reject.message}")
    if not examples:
        raise UsageError(f"no labelled track of {source} can be read", "the reasons stand above, one line a track")
    tell(f"read {len(examples)} tracks, skipped {skipped.total()}")
    genres = sorted({example.labelled.genre for example in examples})
    labels = np.array([genres.index(example.labelled.genre) for example in examples], np.int64)
    return TrainingCorpus(examples, genres, labels, dict(skipped))
