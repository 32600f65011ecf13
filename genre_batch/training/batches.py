"""What a network sees in an epoch: random segments of each track, changed at random, in random order."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from genre_batch.features.front_end import FrontEnd
from genre_batch.model.scores import Labels
from genre_batch.training.augment import Augmentation, alter, mix, random_crop
from genre_batch.training.feature_cache import Pieces

TrainingBatch = tuple[torch.Tensor, torch.Tensor]
"""Segments [B, 1, rows, columns] and targets [B, n_genres], float32."""

_Item = TypeVar("_Item")


class TrainingBatches:
    """Draws the batches of each epoch from `rng`.

    A segment is cut at a random position if a track's piece is longer than a segment; otherwise it is one of the
    track's pieces. An epoch has `segments_per_track` segments of each track, or as many as scoring would cut if those
    are fewer; with one, each track counts the same, however long it is. A last batch of a single segment is left out
    (batch norm needs two).
    """

    def __init__(
        self,
        tracks: Sequence[Pieces],
        targets: npt.NDArray[np.float32],
        front_end: FrontEnd,
        *,
        batch_size: int,
        segments_per_track: int = 1,
        augmentation: Augmentation,
        rng: np.random.Generator,
    ) -> None:
        self.rng = rng
        self._tracks = tracks
        self._targets = targets
        self._columns = front_end.segment_shape[1]
        self._mean = np.asarray(front_end.mean or [0.0], np.float32)[:, None]
        self._std = np.asarray(front_end.std or [1.0], np.float32)[:, None]
        self._augmentation = augmentation
        self._shown = np.repeat(
            np.arange(len(tracks)), [self._shown_of(pieces, segments_per_track) for pieces in tracks]
        )
        self._starts = [start for start in range(0, len(self._shown), batch_size) if len(self._shown) - start > 1]
        self._batch_size = batch_size

    def __len__(self) -> int:
        return len(self._starts)

    def epoch(self) -> Iterator[TrainingBatch]:
        """The batches of one epoch. The next batch is prepared in a thread while one is learned from."""
        order = self.rng.permutation(self._shown)
        return _ahead(self._batch(order[start : start + self._batch_size]) for start in self._starts)

    def _shown_of(self, pieces: Pieces, most: int) -> int:
        shown: int = min(most, len(pieces) * max(1, pieces.shape[2] // self._columns))
        return shown

    def _batch(self, rows: Labels) -> TrainingBatch:
        segments = np.stack([self._segment(self._tracks[row]) for row in rows])
        mixed, targets = mix(segments, self._targets[rows], self._augmentation.mixup, self.rng)
        return torch.from_numpy(mixed).unsqueeze(1), torch.from_numpy(targets)

    def _segment(self, pieces: Pieces) -> npt.NDArray[np.float32]:
        piece = pieces[self.rng.integers(len(pieces))]
        crop = random_crop(piece, self._columns, self._augmentation.stretch, self.rng)
        return alter((crop - self._mean) / self._std, self._augmentation, self.rng)


def _ahead(items: Iterator[_Item]) -> Iterator[_Item]:
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        upcoming = pool.submit(next, items, None)
        while (item := upcoming.result()) is not None:
            upcoming = pool.submit(next, items, None)
            yield item
