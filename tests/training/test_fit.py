"""The training loop learns, repeats itself, and goes on from a checkpoint as if nothing had happened."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from genre_batch.features.front_end import LogMelFrontEnd
from genre_batch.model.architecture import MelCnnSettings, ShortCnnSettings
from genre_batch.model.networks.build import build_network
from genre_batch.training.augment import Augmentation, smooth
from genre_batch.training.batches import Batches
from genre_batch.training.checkpoint import Checkpoint
from genre_batch.training.fit import Optimisation, fit, one_cycle

FRONT_END = LogMelFrontEnd(n_mels=32, segment_frames=32, segment_hop_frames=32)
LABELS = np.array([0, 1] * 8, np.int64)
QUICK = Optimisation(epochs=6, batch_size=8, learning_rate=0.01, augmentation=Augmentation(mixup=0.2, mask_frames=4))


def sounds() -> list[np.ndarray]:
    """Noise that is louder in the lower bands for label 0 and in the upper ones for label 1; of several lengths."""
    rng = np.random.default_rng(0)
    spectrograms = []
    for row, label in enumerate(LABELS):
        sound = rng.normal(size=(1, 32, 30 + row)).astype(np.float16)
        sound[:, 16 * label : 16 * label + 16] += 2.0
        spectrograms.append(sound)
    return spectrograms


def trained(
    settings: Optimisation, seed: int = 0, checkpoint: Checkpoint | None = None, stop_after: int | None = None
) -> tuple[torch.nn.Module, dict[str, list[float]]]:
    def progress(epoch: int, loss: float) -> None:
        if epoch == stop_after:
            raise KeyboardInterrupt

    torch.manual_seed(seed)
    network = build_network(ShortCnnSettings(channels=4, dropout=0.3), 32, 32, 2)
    batches = Batches(
        sounds(),
        smooth(LABELS, 2, settings.label_smoothing),
        FRONT_END,
        batch_size=settings.batch_size,
        augmentation=settings.augmentation,
        rng=np.random.default_rng(seed),
    )
    return fit(network, batches, settings, progress=progress, checkpoint=checkpoint)


def same(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return all(torch.equal(a[name].cpu(), b[name].cpu()) for name in a)


def test_learns_what_can_be_learned_and_scores_in_eval_mode() -> None:
    network, curves = trained(QUICK)
    assert len(curves["train_loss"]) == QUICK.epochs
    assert curves["train_loss"][-1] < curves["train_loss"][0]
    assert not network.training
    segments = np.stack([sound[0, :, :30].repeat(2, axis=1)[:, :32] for sound in sounds()]).astype(np.float32)
    device = next(network.parameters()).device
    with torch.inference_mode():
        answers = network(torch.from_numpy(segments[:, None]).to(device)).argmax(dim=1).cpu().numpy()
    assert (answers == LABELS).mean() > 0.9


def test_the_same_seed_gives_the_same_weights() -> None:
    first, again, other = (trained(QUICK, seed)[0] for seed in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.parametrize("average_decay", [0.0, 0.9])
def test_an_interrupted_fit_goes_on_to_the_same_weights(tmp_path: Path, average_decay: float) -> None:
    settings = QUICK.model_copy(update={"average_decay": average_decay})
    network, curves = trained(settings)
    with pytest.raises(KeyboardInterrupt):
        trained(settings, checkpoint=Checkpoint(tmp_path / "fit", every_s=0.0), stop_after=4)
    resumed, resumed_curves = trained(settings, checkpoint=Checkpoint(tmp_path / "fit", every_s=0.0))
    assert same(network, resumed)
    assert curves == resumed_curves
    finished = (tmp_path / "fit").read_bytes()
    assert same(network, trained(settings, checkpoint=Checkpoint(tmp_path / "fit"))[0])
    assert (tmp_path / "fit").read_bytes() == finished


def test_a_figure_is_taken_at_a_few_epochs_and_changes_nothing() -> None:
    torch.manual_seed(0)
    network = build_network(ShortCnnSettings(channels=4, dropout=0.3), 32, 32, 2)
    settings = QUICK.model_copy(update={"epochs": 20})
    batches = Batches(
        sounds(),
        smooth(LABELS, 2, 0.0),
        FRONT_END,
        batch_size=8,
        augmentation=settings.augmentation,
        rng=np.random.default_rng(0),
    )
    modes: list[bool] = []

    def measure(network: torch.nn.Module) -> float:
        modes.append(network.training)
        return 0.25

    fitted, curves = fit(network, batches, settings, progress=lambda epoch, loss: None, measure=measure)
    assert curves["held_out_epoch"] == list(range(2, 21, 2))
    assert curves["held_out_accuracy"] == [0.25] * 10
    assert modes == [False] * 10
    assert same(fitted, trained(settings)[0])


def test_averaged_weights_lag_behind_the_last_ones() -> None:
    last = trained(QUICK)[0].state_dict()
    averaged = trained(QUICK.model_copy(update={"average_decay": 0.999}))[0].state_dict()
    torch.manual_seed(0)
    first = build_network(ShortCnnSettings(channels=4, dropout=0.3), 32, 32, 2).state_dict()
    moved = (averaged["output.weight"] - first["output.weight"]).norm()
    assert 0 < moved < 0.1 * (last["output.weight"] - first["output.weight"]).norm()
    assert averaged["features.1.num_batches_tracked"] == last["features.1.num_batches_tracked"]


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_both_schedules_train_other_networks_too(schedule: str) -> None:
    torch.manual_seed(0)
    settings = Optimisation.model_validate({"epochs": 1, "batch_size": 15, "schedule": schedule})
    front_end = LogMelFrontEnd(n_mels=32, segment_frames=64, segment_hop_frames=64)
    batches = Batches(
        sounds(),
        smooth(LABELS, 2, 0.0),
        front_end,
        batch_size=15,
        augmentation=settings.augmentation,
        rng=np.random.default_rng(0),
    )
    network, curves = fit(
        build_network(MelCnnSettings(dense_channels=4), 32, 64, 2), batches, settings, progress=lambda *_: None
    )
    assert len(curves["train_loss"]) == 1
    assert all(torch.isfinite(parameter).all() for parameter in network.parameters())


def test_one_cycle_rises_and_falls_to_zero() -> None:
    factors = [one_cycle(step, 100) for step in range(100)]
    assert factors.index(max(factors)) in (19, 20)
    assert max(factors) == 1.0
    assert factors[0] < 0.1
    assert factors[-1] < 0.01
    assert all(later <= earlier for earlier, later in pairwise(factors[20:]))
