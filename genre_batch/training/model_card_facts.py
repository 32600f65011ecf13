"""How a model was made, for its card."""

import platform
from collections import Counter

import numpy as np
import torch

from genre_batch.training.corpus import TrainingCorpus
from genre_batch.training.splits import Split
from genre_batch.training.train_config import TrainConfig

_SPLITS: dict[Split, str] = {
    "artist": "{folds}-fold cross-validation, {repeats} times, artists never on both sides ({groups} artists); the "
    "shipped weights were then fitted on all tracks",
    "track": "{folds}-fold cross-validation, {repeats} times, by track: tracks of one artist may be on both sides; the "
    "shipped weights were then fitted on all tracks",
    "segment_random": "LEAKY: {folds}-fold cross-validation, {repeats} times, over segments drawn at random, so that "
    "pieces of one track are on both sides. These figures say nothing about new music",
    "listed": "measured on a test list, calibrated on a validation list, {repeats} times; the shipped weights learned "
    "from the train list alone, and are those of the first time",
}


def card_facts(config: TrainConfig, corpus: TrainingCorpus, digest: str) -> dict[str, str]:
    """The facts by name: data, split, seed, settings and library versions."""
    counts = Counter(labelled.genre for labelled in corpus.tracks)
    groups = len({labelled.group for labelled in corpus.tracks})
    facts = {
        "segments" if config.leaky else "tracks": f"{len(corpus.examples)}: "
        + ", ".join(f"{genre} {n}" for genre, n in sorted(counts.items())),
        "tracks skipped": ", ".join(f"{reason} {n}" for reason, n in sorted(corpus.skipped.items())) or "none",
        "figures": _SPLITS[config.split].format(folds=config.folds, repeats=config.repeats, groups=groups),
        "split digest": digest,
        "seed": str(config.seed),
        "versions": f"torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}",
    }
    if config.target_precision is not None:
        facts["target precision"] = (
            f"{config.target_precision:g} of the answers of each genre, by thresholds set on held-out tracks"
        )
    if config.optimisation is not None:
        facts["optimisation"] = config.optimisation.model_dump_json()
    return facts
