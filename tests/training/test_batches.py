"""An epoch shows each track once, standardised, in an order and with cuts that the seed decides."""

import numpy as np
import pytest
import torch

from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.training.augment import Augmentation
from genre_batch.training.batches import TrainingBatches

FRONT_END = LogMelFrontEnd(
    n_mels=4, segment_frames=8, segment_hop_frames=8, mean=[1.0, 0.0, 0.0, 0.0], std=[1.0, 2.0, 1.0, 1.0]
)
COLUMNS = ["rms_mean", "rms_var"]


def drawn(tracks: list[np.ndarray], front_end: LogMelFrontEnd | DescriptorFrontEnd, seed: int = 0, size: int = 3):
    targets = np.eye(len(tracks), dtype=np.float32)
    return TrainingBatches(
        tracks, targets, front_end, batch_size=size, augmentation=Augmentation(), rng=np.random.default_rng(seed)
    )


def ramps() -> list[np.ndarray]:
    return [np.full((1, 4, 9 + row), float(row), np.float16) for row in range(7)]


def test_each_track_is_shown_once_with_its_own_target_and_standardised() -> None:
    batches = drawn(ramps(), FRONT_END, size=4)
    shown = list(batches.epoch())
    assert [len(segments) for segments, _ in shown] == [4, 3]
    assert len(batches) == 2
    segments, targets = torch.cat([batch[0] for batch in shown]), torch.cat([batch[1] for batch in shown])
    rows = targets.argmax(dim=1)
    assert sorted(rows.tolist()) == list(range(7))
    assert segments.shape == (7, 1, 4, 8)
    assert torch.equal(segments[:, 0, 0, 0], rows - 1.0)
    assert torch.equal(segments[:, 0, 1, 0], rows / 2.0)


def test_a_last_batch_of_one_is_left_out() -> None:
    batches = drawn(ramps(), FRONT_END, size=3)
    assert [len(segments) for segments, _ in batches.epoch()] == [3, 3]
    assert len(batches) == 2


def test_tracks_of_several_pieces_show_one_of_them_at_random() -> None:
    front_end = DescriptorFrontEnd(columns=COLUMNS)
    track = np.arange(10, dtype=np.float32).reshape(5, 2, 1)
    seen = set()
    for seed in range(30):
        [(segments, _)] = drawn([track, track], front_end, seed).epoch()
        seen |= {tuple(segment.flatten().tolist()) for segment in segments}
    assert seen == {tuple(piece.flatten().tolist()) for piece in track}


def test_an_epoch_may_show_several_segments_of_the_tracks_that_have_them() -> None:
    tracks = [np.full((1, 4, frames), frames, np.float16) for frames in (5, 8, 17, 100)]
    batches = TrainingBatches(
        tracks,
        np.eye(4, dtype=np.float32),
        FRONT_END,
        batch_size=20,
        segments_per_track=3,
        augmentation=Augmentation(),
        rng=np.random.default_rng(0),
    )
    [(_, targets)] = batches.epoch()
    assert targets.sum(dim=0).tolist() == [1, 1, 2, 3]


@pytest.mark.parametrize("epochs", [1, 2])
def test_the_seed_decides_everything(epochs: int) -> None:
    rng = np.random.default_rng(3)
    tracks = [rng.normal(size=(1, 4, 40)).astype(np.float16) for _ in range(5)]
    first, again, other = (
        [segments for _ in range(epochs) for segments, _ in batches.epoch()]
        for batches in (drawn(tracks, FRONT_END, seed) for seed in (1, 1, 2))
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_an_error_while_a_batch_is_made_is_raised() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        list(drawn([np.ones((1, 3, 9), np.float16)] * 4, FRONT_END).epoch())
