"""A small model of the synthesised styles: training clips of seeds that the sample catalog does not use."""

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import yaml

from genre_batch.demo.catalog import SampleTrack, rendered
from genre_batch.demo.encode import Encoding
from genre_batch.demo.synthesis import STYLES
from genre_batch.training.recipe_files import recipe_file

if TYPE_CHECKING:
    from genre_batch.training.train_config import TrainReport

CLIPS_PER_STYLE = 6
_ABSTAINED = "(none)"
_FIRST_SEED, _CLIP_S, _SAMPLE_RATE = 1000, 20.0, 22_050


def write_clips(folder: Path, per_style: int = CLIPS_PER_STYLE) -> None:
    """Write `per_style` clips of 20 s for each style, one folder per style: a corpus that `train` reads."""
    for style in STYLES:
        (folder / style).mkdir(parents=True)
    seeds = range(_FIRST_SEED, _FIRST_SEED + per_style)
    clips = [
        SampleTrack(f"{style}/{seed}.wav", style, seed, _CLIP_S, Encoding.WAV, _SAMPLE_RATE, 1)
        for style, seed in product(STYLES, seeds)
    ]
    for clip, content in rendered(clips):
        (folder / clip.key).write_bytes(content)


def train_on(clips: Path, bundle: Path) -> "TrainReport":
    """Train the recipe `texture_kernel` on the folder `clips`, and write `bundle` with figures of held-out clips."""
    from genre_batch.training.train_config import TrainConfig
    from genre_batch.training.trainer import train  # loads torch

    recipe = yaml.safe_load(recipe_file("texture_kernel").read_text(encoding="utf-8"))
    changes = {"name": "demo-styles", "source": str(clips), "output": str(bundle), "folds": 3, "repeats": 1}
    return train(TrainConfig.model_validate(recipe | changes))


def matrix(styles: "pd.Series[str]", answers: "pd.Series[str]") -> str:
    """The number of tracks by true style (lines) and answer (columns), as text; 0 is a dot."""
    counts = pd.crosstab(styles, answers.fillna(_ABSTAINED))
    columns = [name for name in [*STYLES, _ABSTAINED] if name in counts.columns]
    width = max(map(len, [*STYLES, _ABSTAINED]))
    lines = [" ".join(f"{name:>{width}}" for name in ["", *columns])]
    for style in [style for style in STYLES if style in counts.index]:
        cells = [str(counts.loc[style, name] or "·") for name in columns]
        lines.append(" ".join(f"{cell:>{width}}" for cell in [style, *cells]))
    return "\n".join(lines)
