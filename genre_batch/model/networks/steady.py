"""Dense layers whose answer to an example does not depend on the other examples of its batch."""

from typing import cast

import torch
from torch import nn


class SteadyLinear(nn.Module):
    """A trained `linear` that adds in double precision and rounds once.

    BLAS adds up the rows of a matrix in an order that hangs on their place in it, so that in single precision the last
    bit of an answer changes with what else is in the batch.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.register_buffer("weight", linear.weight.detach().double())
        bias = cast("torch.Tensor | None", linear.bias)
        self.register_buffer("bias", None if bias is None else bias.detach().double())

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """[..., n_in] to [..., n_out], of the dtype of `inputs`."""
        outputs = nn.functional.linear(inputs.double(), self.get_buffer("weight"), self.bias)  # type: ignore[arg-type]
        return outputs.to(inputs.dtype)


def make_steady(network: nn.Module) -> nn.Module:
    """`network`, changed in place: each `nn.Linear` becomes a `SteadyLinear`. It cannot be trained further."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Linear):
                setattr(module, name, SteadyLinear(child))
    return network
