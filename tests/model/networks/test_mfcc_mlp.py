"""Seed 002's network against its preparation written with numpy."""

import numpy as np
import pytest
import torch

from genre_batch.model.architecture import MfccMlpSettings
from genre_batch.model.networks.mfcc_mlp import MfccMlp

SETTINGS = MfccMlpSettings(values=250, hidden_units=16)


def network() -> MfccMlp:
    torch.manual_seed(0)
    return MfccMlp(SETTINGS, 20, 13, 3).eval()


def test_the_values_are_prepared_as_the_source_does() -> None:
    mfcc = np.random.default_rng(0).normal(-20.0, 100.0, (2, 20, 13)).astype(np.float32)
    mfcc[:, 0, 0] = -900.0  # the largest lies among those picked, as the energy of real music does
    net = network()
    prepared = np.stack([(example / np.amax(np.absolute(example))).flatten()[:250] for example in mfcc])
    with torch.inference_mode():
        expected = net.output(torch.relu(net.dense(torch.from_numpy(prepared))))
        torch.testing.assert_close(net(torch.from_numpy(mfcc)[:, None]), expected)


def test_the_values_left_out_do_not_matter() -> None:
    segments = torch.randn(1, 1, 20, 13)
    other = segments.clone()
    other.flatten()[250:] = 1e6
    assert torch.equal(network()(segments), network()(other))


def test_each_segment_is_divided_by_its_own_largest() -> None:
    segments = torch.randn(2, 1, 20, 13)
    louder = segments * torch.tensor([1.0, 50.0]).reshape(2, 1, 1, 1)
    torch.testing.assert_close(network()(louder), network()(segments))


def test_a_segment_of_zeros_has_an_answer() -> None:
    assert torch.isfinite(network()(torch.zeros(1, 1, 20, 13))).all()


def test_it_has_the_sources_size() -> None:
    parameters = sum(p.numel() for p in MfccMlp(MfccMlpSettings(), 20, 1293, 10).parameters())
    assert parameters == 25_000 * 100 + 100 + 100 * 10 + 10


def test_too_few_values_are_refused() -> None:
    with pytest.raises(ValueError, match="25000 MFCC values, not 20 x 1249 = 24980"):
        MfccMlp(MfccMlpSettings(), 20, 1249, 10)
