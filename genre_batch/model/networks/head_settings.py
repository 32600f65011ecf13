"""The settings of the heads that a frozen trunk can have, and the tags that the trunk knows; read without torch."""

import operator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

TAGS = (
    "rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s", "alternative rock", "jazz",
    "beautiful", "metal", "chillout", "male vocalists", "classic rock", "soul", "indie rock", "Mellow", "electronica",
    "80s", "folk", "90s", "chill", "instrumental", "punk", "oldies", "blues", "hard rock", "ambient", "acoustic",
    "experimental", "female vocalist", "guitar", "Hip-Hop", "70s", "party", "country", "easy listening", "sexy",
    "catchy", "funk", "electro", "heavy metal", "Progressive rock", "60s", "rnb", "indie pop", "sad", "House", "happy",
)  # fmt: skip
"""Those of musicnn, as the publication spells them, in the order of its outputs."""


class HeadSettings(BaseModel):
    """What all heads have in common: they are fitted in one step to standardised values of segments."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class LogisticHead(HeadSettings):
    """Multinomial logistic regression whose weights are pulled towards those of the trunk's own tags.

    tags: tags of the trunk by genre; a genre that is not listed has the tag of the same name, if there is one.
    penalty: how strongly the weights of a genre are pulled towards a multiple of the mean weights of its tags, per
    training track. free_penalty: its share for genres without a tag, which are pulled to zero. label_smoothing: the
    share of each label that is spread over all genres. own_multiples: each genre has a multiple of its own, not all the
    same. balanced: genres weigh alike, however many tracks each has.
    """

    name: Literal["logistic"] = "logistic"
    penalty: PositiveFloat = 500.0
    free_penalty: PositiveFloat = 0.05
    label_smoothing: float = Field(default=0.1, ge=0.0, lt=1.0)
    own_multiples: bool = Field(default=False, exclude_if=operator.not_)  # left out: bundles from before keep
    balanced: bool = Field(default=False, exclude_if=operator.not_)  # their fingerprint
    tags: dict[str, list[str]] = {
        "rock": ["rock", "classic rock", "alternative rock", "hard rock", "indie rock", "punk"],
        "metal": ["metal", "heavy metal"],
    }


class KernelHead(HeadSettings):
    """Kernel ridge regression, with the settings of `TextureKernelSettings`."""

    name: Literal["kernel"] = "kernel"
    width: PositiveFloat = 0.25
    ridge: PositiveFloat = 0.2
    support_segments: PositiveInt = 4000


class SvmHead(HeadSettings):
    """A linear support vector machine for each genre against the rest (scikit-learn)."""

    name: Literal["svm"] = "svm"
    c: PositiveFloat = 0.001


class MlpHead(HeadSettings):
    """One hidden layer (scikit-learn's MLPClassifier). alpha: its L2 penalty."""

    name: Literal["mlp"] = "mlp"
    hidden_units: PositiveInt = 64
    alpha: PositiveFloat = 1.0
    epochs: PositiveInt = 30


AnyHead = Annotated[LogisticHead | KernelHead | SvmHead | MlpHead, Field(discriminator="name")]
