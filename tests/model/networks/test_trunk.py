"""A trunk with a head: what it takes, and what its users rely on."""

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from genre_batch.features.front_ends.log_mel import LogMelFrontEnd
from genre_batch.features.front_ends.mfcc import MfccFrontEnd
from genre_batch.model.networks.head_settings import TAGS, AnyHead, KernelHead, LogisticHead, MlpHead, SvmHead
from genre_batch.model.networks.settings import TrunkSettings
from genre_batch.model.networks.trunk import Trunk

HEADS = [LogisticHead(), KernelHead(), SvmHead(), MlpHead(hidden_units=3)]
HEARD = LogMelFrontEnd(sample_rate=16_000, n_fft=512, hop_length=256, n_mels=96)


def segments(count: int) -> torch.Tensor:
    values = np.random.default_rng(7).normal(-20.0, 12.0, (count, 1, 96, 64))
    return torch.from_numpy(values.astype(np.float32))


def network(head: AnyHead, seed: int = 0) -> Trunk:
    """A network with a head of random numbers; a kernel compares with five segments."""
    built = Trunk(TrunkSettings(head=head), 96, 64, 3).eval()
    built.load_pretrained()
    generator = torch.Generator().manual_seed(seed)
    size = 5 if isinstance(head, KernelHead) else 1
    state = {
        name: torch.randn(size, *old.shape[1:], generator=generator)
        if "head.support" in name or "coeff" in name
        else torch.randn(old.shape, generator=generator)
        if name.startswith("head.")
        else old
        for name, old in built.state_dict().items()
    }
    built.load_state_dict(state)
    return built


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_a_stored_network_answers_as_before(head: AnyHead) -> None:
    first, again = network(head), Trunk(TrunkSettings(head=head), 96, 64, 3).eval()
    stored = save({name: tensor.contiguous() for name, tensor in first.stored_state().items()})
    again.load_state_dict(load(stored))
    with torch.inference_mode():
        answers = first(segments(2))
        assert answers.shape == (2, 3 + 1 + len(TAGS))
        assert answers[:, :3].std() > 1e-3
        assert torch.equal(again(segments(2)), answers)


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_an_answer_does_not_depend_on_its_neighbours(head: AnyHead) -> None:
    built = network(head)
    with torch.inference_mode():
        together = built(segments(5))[:, :3].softmax(1)
        for place in range(5):
            alone = built(segments(5)[place : place + 1])[:, :3].softmax(1)
            np.testing.assert_allclose(alone[0].numpy(), together[place].numpy(), atol=1e-5)


def test_far_values_are_clipped() -> None:
    built = network(LogisticHead())
    far = built.standardised(torch.tensor([[1e6] * 200, [-1e6] * 200]))
    assert far.aminmax() == (-4.0, 4.0)


def test_the_columns_are_logits_distance_and_tags() -> None:
    built = network(LogisticHead())
    points = torch.randn(4, 200, generator=torch.Generator().manual_seed(1)).clamp(-4.0, 4.0)
    built.genre_means = points[:3].clone()
    assert built.distances(points)[:3].tolist() == [0.0, 0.0, 0.0]
    nearest = min(float((points[3] - mean).square().mean()) for mean in points[:3])
    assert float(built.distances(points)[3]) == pytest.approx(nearest)
    with torch.inference_mode():
        values = built.trunk(segments(2))
        columns = built(segments(2))
        assert torch.equal(columns[:, :3], built.head(built.standardised(values)))
        assert torch.equal(columns[:, 3], built.distances(built.standardised(values)))
        assert torch.equal(columns[:, 4:], built.trunk.tag_probabilities(values))


def test_only_its_own_input_is_accepted() -> None:
    settings = TrunkSettings()
    assert settings.accepts(HEARD)
    assert not settings.accepts(HEARD.model_copy(update={"sample_rate": 22_050}))
    assert not settings.accepts(HEARD.model_copy(update={"hop_length": 512}))
    assert not settings.accepts(MfccFrontEnd())
    with pytest.raises(ValueError, match="at least 32 frames"):
        Trunk(settings, 96, 31, 3)
    with pytest.raises(ValueError, match="96 bands"):
        Trunk(settings, 128, 64, 3)
