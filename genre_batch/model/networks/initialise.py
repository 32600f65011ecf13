"""What a network starts its training from."""

from torch import nn

from genre_batch.model.architecture import MobileNetSettings, Network
from genre_batch.model.networks.mobilenet import MobileNet
from genre_batch.model.networks.pretrained import start_from_pretrained


def initialise(network: nn.Module, architecture: Network) -> None:
    """Put pretrained weights into `network` where its settings ask for them; the others keep their random ones.

    To be called once before a training, never when scoring. Raises UsageError where the weights cannot be had.
    """
    if isinstance(architecture, MobileNetSettings) and architecture.pretrained:
        assert isinstance(network, MobileNet)
        start_from_pretrained(network, architecture.weights)
