"""A picture in one shade becomes one in colour, as the picture sources saw it."""

import torch
from torch import nn

_MAGMA = (
    "000004 0b0924 20114b 3b0f70 57157e 721f81 8c2981 a8327d c43c75 de4968 f1605d fa7f5e fe9f6d febf84 fddea0 fcfdbf"
)


class ColourMap(nn.Module):
    """matplotlib's colour map magma, in which librosa draws spectrograms, from 0 (black) to 1 (light yellow).

    16 of its 256 colours are kept, every 17th, and those between are interpolated: at most 0.009 from the original.
    It is no parameter and not among the weights of a bundle.
    """

    slopes: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        colours = torch.tensor([list(bytes.fromhex(colour)) for colour in _MAGMA.split()], dtype=torch.float32) / 255.0
        # each colour beside the step to the next one: one row to look up, and half the time of lerp, which wants both
        self.register_buffer("slopes", torch.cat([colours[:-1], colours.diff(dim=0)], dim=1), persistent=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Pictures [B, 1, rows, columns] to colours [B, 3, rows, columns] in 0 to 1; values outside 0 to 1 are cut."""
        places = pictures.squeeze(1).float().clamp(0.0, 1.0) * len(self.slopes)
        below = places.int().clamp_max(len(self.slopes) - 1)
        found = nn.functional.embedding(below, self.slopes)
        colours = torch.addcmul(found[..., :3], found[..., 3:], (places - below).unsqueeze(-1))
        return colours.permute(0, 3, 1, 2)
