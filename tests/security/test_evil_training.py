"""Hostile files in a training's work folder are never run: they are replaced, or refused with one sentence."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save
from security.evil_files import Bomb, forged_safetensors, pickled, safetensors

from genre_batch.errors import UsageError
from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.training.checkpoint import Checkpoint, TrainingState
from genre_batch.training.feature_cache import FeatureCache
from genre_batch.training.fitted_model import FoldLogits, SegmentLogits
from genre_batch.training.work_folder import FoldStore

KINDS = sorted(pickled(Bomb(Path("x"))))
PIECES = np.arange(48, dtype=np.float16).reshape(1, 16, 3)
FOLD = FoldLogits(SegmentLogits(np.zeros((2, 3), np.float32), np.arange(2)))


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """A path that must not exist after the test: code in a hostile file would create it."""
    yield tmp_path / "executed"
    assert not (tmp_path / "executed").exists()


def state() -> TrainingState:
    network = torch.nn.Linear(3, 2)
    return TrainingState(network, None, torch.optim.AdamW(network.parameters()), np.random.default_rng(0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_in_the_feature_cache_is_ignored(kind: str, mark: Path) -> None:
    cache = FeatureCache(mark.parent / "cache", LogMelFrontEnd(n_mels=16))
    cache.save("aa", "1", PIECES)
    [file] = (mark.parent / "cache").rglob("*.npy")
    file.write_bytes(pickled(Bomb(mark))[kind])
    assert cache.load("aa", "1") is None


@pytest.mark.parametrize("shape", [(1 << 45, 1, 1), (1 << 70, 1, 1), (-1, 2, 3)])
def test_cached_features_that_declare_too_much_are_ignored(shape: tuple[int, ...], tmp_path: Path) -> None:
    cache, header = FeatureCache(tmp_path, LogMelFrontEnd(n_mels=16)), io.BytesIO()
    cache.save("aa", "1", PIECES)
    [file] = tmp_path.rglob("*.npy")
    np.lib.format.write_array_header_1_0(header, {"descr": "<f2", "fortran_order": False, "shape": shape})
    file.write_bytes(header.getvalue() + bytes(96))
    assert cache.load("aa", "1") is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_pickle_is_ignored_as_a_checkpoint(kind: str, mark: Path) -> None:
    file = mark.parent / "state"
    file.write_bytes(pickled(Bomb(mark))[kind])
    assert not Checkpoint(file).restore(state())


@pytest.mark.parametrize("kind", sorted(forged_safetensors()))
def test_a_forged_checkpoint_is_ignored(kind: str, tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(forged_safetensors()[kind])
    assert not Checkpoint(tmp_path / "state").restore(state())


@pytest.mark.parametrize(
    "plain",
    [
        "{}",
        "[]",
        "no json",
        "[" * 100_000,
        '{"rng": {"bit_generator": "os.system"}, "epoch": 0, "curves": {}}',
        '{"rng": "__reduce__", "epoch": 0, "curves": {}}',
    ],
    ids=range(6),
)
def test_a_checkpoint_with_another_state_is_refused_with_one_sentence(plain: str, tmp_path: Path) -> None:
    file, fresh = tmp_path / "state", state()
    Checkpoint(file).save(fresh, at_once=True)
    from safetensors.torch import load

    file.write_bytes(save(load(file.read_bytes()), {"state": plain}))
    with pytest.raises(UsageError, match="holds the state of another training") as caught:
        Checkpoint(file).restore(fresh)
    assert "delete it" in caught.value.hint


def test_a_checkpoint_with_forged_random_states_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load

    file, fresh = tmp_path / "state", state()
    Checkpoint(file).save(fresh, at_once=True)
    for forged in ({}, {"random.cpu": torch.zeros(3)}, {"random.cpu": torch.zeros(5, dtype=torch.uint8)}):
        kept = {name: tensor for name, tensor in load(file.read_bytes()).items() if name != "random.cpu"} | forged
        (tmp_path / "forged").write_bytes(save(kept, {"state": '{"epoch": 0, "curves": {}, "rng": {}}'}))
        with pytest.raises(UsageError, match="holds the state of another training"):
            Checkpoint(tmp_path / "forged").restore(fresh)


@pytest.mark.parametrize("kind", [*KINDS, "other arrays", "other shapes", "no curves"])
def test_hostile_answers_of_a_fold_are_ignored(kind: str, mark: Path) -> None:
    work = FoldStore(mark.parent / "work", {})
    work.save("fold", FOLD)
    [file] = (mark.parent / "work").rglob("*.safetensors")
    curves = {"__metadata__": {"curves": "{}"}}
    shape = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    forged = {
        "other arrays": safetensors(curves | {"x": shape}, bytes(8)),
        "other shapes": safetensors(
            curves | {"test.logits": shape, "test.rows": shape | {"data_offsets": [8, 16]}}, bytes(16)
        ),
        "no curves": safetensors({"test.logits": shape}, bytes(8)),
    }
    file.write_bytes((forged | pickled(Bomb(mark)))[kind])
    assert work.load("fold") is None
