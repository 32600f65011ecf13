"""A state is restored as it was, written completely, and not more often than is cheap."""

from pathlib import Path

import numpy as np
import pytest
import torch

from genre_batch.training.checkpoint import Checkpoint, TrainingState


def state(seed: int) -> TrainingState:
    torch.manual_seed(seed)
    network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimiser = torch.optim.AdamW(network.parameters())
    network(torch.ones(4, 3) * torch.arange(4.0)[:, None]).sum().backward()
    optimiser.step()
    return TrainingState(
        network, None, optimiser, np.random.default_rng(seed), epoch=seed, curves={"loss": [1.0] * seed}
    )


def test_everything_comes_back(tmp_path: Path) -> None:
    kept, other = state(3), state(5)
    Checkpoint(tmp_path / "state").save(kept, at_once=True)
    expected = kept.rng.random(3).tolist(), torch.rand(3)
    torch.manual_seed(9)
    assert Checkpoint(tmp_path / "state").restore(other)
    assert (other.rng.random(3).tolist(), other.epoch, other.curves) == (expected[0], 3, {"loss": [1.0] * 3})
    assert torch.equal(torch.rand(3), expected[1])
    for name, tensor in kept.network.state_dict().items():
        assert torch.equal(tensor, other.network.state_dict()[name])
    for before, after in zip(kept.optimiser.state.values(), other.optimiser.state.values(), strict=True):
        assert before.keys() == after.keys() == {"step", "exp_avg", "exp_avg_sq"}
        assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("damage", [None, b"", b"\x80\x04 not safetensors", "half"])
def test_without_a_whole_file_nothing_is_restored(tmp_path: Path, damage: bytes | str | None) -> None:
    file, fresh = tmp_path / "state", state(5)
    Checkpoint(file).save(state(3), at_once=True)
    if damage is None:
        Checkpoint(file).remove()
        Checkpoint(file).remove()
    else:
        file.write_bytes(file.read_bytes()[:200] if isinstance(damage, str) else damage)
    assert not Checkpoint(file).restore(fresh)
    assert fresh.epoch == 5


def test_it_is_not_written_more_often_than_is_cheap(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state", every_s=3600.0)
    checkpoint.save(state(1))
    assert list(tmp_path.iterdir()) == []
    checkpoint.save(state(1), at_once=True)
    assert [file.name for file in tmp_path.iterdir()] == ["state"]
    often = Checkpoint(tmp_path / "other", every_s=0.0)
    often.save(state(1))
    assert (tmp_path / "other").exists()
