"""Stored pieces are found by the same bytes, id and front end; damaged files are ignored."""

from pathlib import Path

import numpy as np
import pytest

from genre_batch.features.front_ends.descriptors import DescriptorFrontEnd
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.training.feature_cache import FeatureCache

FRONT_END = LogMelFrontEnd(n_mels=16, segment_frames=32, segment_hop_frames=32)
PIECES = np.arange(48, dtype=np.float16).reshape(1, 16, 3)


def test_pieces_come_back_for_the_same_track_alone(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, FRONT_END)
    assert cache.load("aa", "1") is None
    cache.save("aa", "1", PIECES)
    np.testing.assert_array_equal(cache.load("aa", "1"), PIECES)
    assert cache.load("bb", "1") is None
    assert cache.load("aa", "2") is None
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".npy"]


def test_cutting_and_standardisation_do_not_matter(tmp_path: Path) -> None:
    FeatureCache(tmp_path, FRONT_END).save("aa", "1", PIECES)
    cut = FRONT_END.model_copy(update={"segment_frames": 8, "mean": [0.0] * 16, "std": [1.0] * 16})
    assert FeatureCache(tmp_path, cut).load("aa", "1") is not None
    louder = FRONT_END.model_copy(update={"rms_dbfs": -10.0})
    assert FeatureCache(tmp_path, louder).load("aa", "1") is None


def test_single_precision_is_stored_for_front_ends_that_give_it(tmp_path: Path) -> None:
    cache, pieces = FeatureCache(tmp_path, DescriptorFrontEnd()), np.full((2, 57, 1), 1e6, np.float32)
    cache.save("aa", "1", pieces)
    np.testing.assert_array_equal(cache.load("aa", "1"), pieces)
    cache.save("aa", "1", np.ones((2, 57, 1), np.float16))
    assert cache.load("aa", "1") is None


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY\x01", b"not an array"])
def test_a_damaged_file_is_ignored(tmp_path: Path, damage: bytes) -> None:
    cache = FeatureCache(tmp_path, FRONT_END)
    cache.save("aa", "1", PIECES)
    [file] = tmp_path.rglob("*.npy")
    file.write_bytes(damage)
    assert cache.load("aa", "1") is None
