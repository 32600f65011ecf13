"""The training loop learns, is reproducible, and resumes from a checkpoint with the same result."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.model.networks.build import build_network
from genre_batch.model.networks.settings import MelCnnSettings, ShortCnnSettings
from genre_batch.training.augment import Augmentation
from genre_batch.training.batches import TrainingBatches
from genre_batch.training.checkpoint import Checkpoint
from genre_batch.training.fit import Optimisation, epoch_progress, fit, one_cycle

FRONT_END = LogMelFrontEnd(n_mels=32, segment_frames=32, segment_hop_frames=32)
LABELS = np.array([0, 1] * 8, np.int64)
ONE_HOT = np.eye(2, dtype=np.float32)[LABELS]
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
    batches = TrainingBatches(
        sounds(),
        ONE_HOT,
        FRONT_END,
        batch_size=settings.batch_size,
        augmentation=settings.augmentation,
        rng=np.random.default_rng(seed),
    )
    return fit(network, batches, settings, progress=progress, checkpoint=checkpoint)


def same(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return all(torch.equal(a[name].cpu(), b[name].cpu()) for name in a)


def test_separable_sounds_are_learned_and_the_network_ends_in_eval_mode() -> None:
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
def test_an_interrupted_fit_resumes_to_the_same_weights(tmp_path: Path, average_decay: float) -> None:
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
    batches = TrainingBatches(
        sounds(),
        ONE_HOT,
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
    assert averaged.keys() == last.keys()
    for name in ("output.weight", "features.1.running_mean"):
        moved = (averaged[name] - first[name]).norm()
        assert 0 < moved < 0.1 * (last[name] - first[name]).norm(), name


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_both_schedules_train_other_networks_too(schedule: str) -> None:
    torch.manual_seed(0)
    settings = Optimisation.model_validate({"epochs": 1, "batch_size": 15, "schedule": schedule})
    front_end = LogMelFrontEnd(n_mels=32, segment_frames=64, segment_hop_frames=64)
    batches = TrainingBatches(
        sounds(),
        ONE_HOT,
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


def test_smoothed_labels_keep_the_loss_above_their_entropy() -> None:
    """With a share of 0.2 spread over two genres, the best answer is 0.9 to 0.1, whose loss is 0.325."""
    settings = Optimisation(epochs=40, batch_size=8, learning_rate=0.01)
    plain, smoothed = (
        trained(settings.model_copy(update={"label_smoothing": share}))[1]["train_loss"][-1] for share in (0.0, 0.2)
    )
    assert plain < 0.2
    assert 0.3 < smoothed < 0.5


def test_every_tenth_epoch_and_the_last_are_reported_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    report = epoch_progress("fold 1/5", 23)
    for epoch in range(1, 24):
        report(epoch, 1 / epoch)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "fold 1/5: epoch 10/23, loss 0.100",
        "fold 1/5: epoch 20/23, loss 0.050",
        "fold 1/5: epoch 23/23, loss 0.043",
    ]


def test_a_resumed_fit_says_after_which_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    report = epoch_progress("fold 1/5", 9)
    for epoch in (8, 9):
        report(epoch, 0.5)
    assert capsys.readouterr().err.splitlines() == [
        "fold 1/5: resumes after epoch 7",
        "fold 1/5: epoch 9/9, loss 0.500",
    ]
