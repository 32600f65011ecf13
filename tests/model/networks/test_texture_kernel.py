"""The kernel against scikit-learn's, and what its users rely on."""

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from sklearn.kernel_ridge import KernelRidge

from genre_batch.model.networks.settings import TextureKernelSettings
from genre_batch.model.networks.texture_kernel import TextureKernel, radial_kernel

SETTINGS = TextureKernelSettings()


def segments(count: int, seed: int = 0) -> torch.Tensor:
    """Noise; every second one is smooth over its bands."""
    values = np.random.default_rng(seed).normal(-40.0, 12.0, (count, 1, 128, 128)).astype(np.float32)
    values[1::2] = values[1::2].cumsum(axis=2) / 8.0
    return torch.from_numpy(values)


def fitted(support: int = 24) -> TextureKernel:
    network = TextureKernel(SETTINGS, 128, 128, 2).eval()
    with torch.no_grad():
        textures = network.textures(segments(24))
        network.fit(textures, torch.arange(24) % 2, torch.ones(24, dtype=torch.float64), torch.arange(support))
    return network


def test_it_is_kernel_ridge_regression() -> None:
    network = fitted()
    with torch.no_grad():
        points = network.support.numpy()
        targets = np.eye(2)[np.arange(24) % 2] - 0.5
        ridge = KernelRidge(alpha=SETTINGS.ridge, kernel="rbf", gamma=SETTINGS.width / points.shape[1])
        expected = 10.0 * ridge.fit(points, targets).predict(points)
        found = radial_kernel(network.support, network.support, SETTINGS.width) @ network.coefficients
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("support", [24, 10])
def test_different_sounds_are_distinguished(support: int) -> None:
    with torch.no_grad():
        answers = fitted(support)(segments(40, seed=9)).argmax(dim=1)
    assert (answers == torch.arange(40) % 2).float().mean() > 0.9


def test_an_answer_has_the_same_bits_in_any_batch() -> None:
    network, batch = fitted(), segments(9, seed=4)
    with torch.no_grad():
        together = network(batch)
        for shift in (1, 4):
            assert torch.equal(network(torch.roll(batch, shift, 0)), torch.roll(together, shift, 0))


def test_a_support_of_any_size_is_loaded() -> None:
    network = fitted(10)
    state = save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    again = TextureKernel(SETTINGS, 128, 128, 2).eval()
    again.load_state_dict(load(state))
    with torch.no_grad():
        assert torch.equal(again(segments(3)), network(segments(3)))


@pytest.mark.parametrize(
    "change",
    [
        {"support": torch.zeros(5)},
        {"support": torch.zeros(0, 748), "coefficients": torch.zeros(0, 2)},
        {"coefficients": torch.zeros(5, 9)},
        {"mean": None},
    ],
)
def test_weights_that_do_not_fit_are_refused(change: dict[str, torch.Tensor | None]) -> None:
    state = {**fitted().state_dict(), **change}
    with pytest.raises(RuntimeError):
        TextureKernel(SETTINGS, 128, 128, 2).load_state_dict({k: v for k, v in state.items() if v is not None})


@pytest.mark.parametrize(("n_mels", "frames"), [(63, 256), (130, 256), (128, 100)])
def test_segments_too_small_are_refused(n_mels: int, frames: int) -> None:
    with pytest.raises(ValueError, match="texture_kernel needs"):
        TextureKernel(SETTINGS, n_mels, frames, 3)
