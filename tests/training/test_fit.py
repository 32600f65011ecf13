"""The training loop learns, repeats itself, and leaves a network that is ready to score."""

import numpy as np
import pytest
import torch

from genre_batch.model.architecture import MelCnnSettings, ShortCnnSettings
from genre_batch.model.networks.build import build_network
from genre_batch.training.augment import Augmentation
from genre_batch.training.fit import Optimisation, fit, one_cycle, segment_logits

LABELS = np.array([0, 1] * 8, np.int64)
QUICK = Optimisation(epochs=6, batch_size=8, learning_rate=0.01, augmentation=Augmentation(mixup=0.2, mask_frames=4))


def sounds() -> list[np.ndarray]:
    """Noise that is louder in the lower bands for label 0 and in the upper ones for label 1; of several lengths."""
    rng = np.random.default_rng(0)
    spectrograms = []
    for row, label in enumerate(LABELS):
        sound = rng.normal(size=(32, 30 + row)).astype(np.float32)
        sound[16 * label : 16 * label + 16] += 2.0
        spectrograms.append(sound)
    return spectrograms


def trained(settings: Optimisation, seed: int = 0) -> tuple[torch.nn.Module, list[float]]:
    torch.manual_seed(seed)
    losses: list[float] = []
    network = build_network(ShortCnnSettings(channels=4, dropout=0.0), 32, 32, 2)
    fitted = fit(
        network,
        sounds(),
        LABELS,
        n_genres=2,
        segment_frames=32,
        settings=settings,
        seed=seed,
        progress=lambda epoch, loss: losses.append(loss),
    )
    return fitted, losses


def test_learns_what_can_be_learned_and_scores_in_eval_mode() -> None:
    network, losses = trained(QUICK)
    assert len(losses) == QUICK.epochs
    assert losses[-1] < losses[0]
    assert not network.training
    segments = np.stack([sound[:, :30].repeat(2, axis=1)[:, :32] for sound in sounds()]).astype(np.float16)
    assert (segment_logits(network, segments).argmax(axis=1) == LABELS).mean() > 0.9


def test_the_same_seed_gives_the_same_weights() -> None:
    first, again, other = (trained(QUICK, seed)[0].state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_averaged_weights_lag_behind_the_last_ones() -> None:
    last = trained(QUICK)[0].state_dict()
    averaged = trained(QUICK.model_copy(update={"average_decay": 0.9}))[0].state_dict()
    assert not torch.equal(last["output.weight"], averaged["output.weight"])
    assert torch.isfinite(averaged["output.weight"]).all()


def test_a_last_batch_of_one_track_does_not_stop_training() -> None:
    _, losses = trained(QUICK.model_copy(update={"batch_size": 15, "epochs": 1}))
    assert np.isfinite(losses).all()


def test_logits_do_not_depend_on_the_batches_they_were_computed_in() -> None:
    network, _ = trained(QUICK.model_copy(update={"epochs": 1}))
    segments = np.random.default_rng(1).normal(size=(7, 32, 32)).astype(np.float16)
    np.testing.assert_allclose(segment_logits(network, segments), segment_logits(network, segments, batch=2), atol=1e-5)


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_the_network_of_seed_001_can_be_trained_too(schedule: str) -> None:
    settings = QUICK.model_copy(update={"schedule": schedule, "epochs": 1})
    fitted = fit(
        build_network(MelCnnSettings(dense_channels=8), 32, 64, 2),
        sounds(),
        LABELS,
        n_genres=2,
        segment_frames=64,
        settings=settings,
        seed=0,
        progress=lambda epoch, loss: None,
    )
    assert segment_logits(fitted, np.zeros((1, 32, 64), np.float16)).shape == (1, 2)


@pytest.mark.parametrize("steps", [1, 2, 5, 600])
def test_the_learning_rate_rises_to_its_peak_and_falls_to_nearly_nothing(steps: int) -> None:
    factors = [one_cycle(step, steps) for step in range(steps)]
    peak = factors.index(max(factors))
    assert max(factors) == 1.0
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    assert min(factors) > 0.0
    assert steps < 600 or factors[-1] < 1e-4
