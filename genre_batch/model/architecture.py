"""Which network a bundle holds and its settings; read by processes that never load torch."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

Probability = Annotated[float, Field(ge=0, lt=1)]


class MelCnnSettings(BaseModel):
    """Seed 001's network; see `networks/mel_cnn.py`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Literal["mel_cnn"] = "mel_cnn"
    dense_channels: PositiveInt = 256
    dropout: Probability = 0.3


class ShortCnnSettings(BaseModel):
    """The default network, with `channels` in its first layer, four times as many in its last.

    See `networks/short_cnn.py`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Literal["short_cnn"] = "short_cnn"
    channels: PositiveInt = 16
    dropout: Probability = 0.3


Architecture = Annotated[MelCnnSettings | ShortCnnSettings, Field(discriminator="name")]
"""The settings of any network; `name` says of which. `networks/build.py` builds it."""
