"""The descriptor recipes on the published GTZAN table of 57 descriptors, without any audio.

    python benchmarks/descriptor_table.py FEATURES_CSV [--lists FOLDER] [--seed 0]

FEATURES_CSV: `features_30_sec.csv` of the published data, one row per track. FOLDER: the fault-filtered lists
`train_filtered.txt`, `valid_filtered.txt` and `test_filtered.txt` (Kereliuk et al. 2015), which keep artists apart.
Prints one JSON object: for each recipe the accuracy over five random folds and, with the lists, from train and valid
to test.
"""

import argparse
import json
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from genre_batch.config import load
from genre_batch.features.front_ends.descriptors import COLUMNS, DescriptorFrontEnd
from genre_batch.training.fitted_model import segment_logits
from genre_batch.training.recipe import Recipe, fit_model
from genre_batch.training.recipe_files import recipe_file
from genre_batch.training.train_config import TrainConfig

RECIPES = ("descriptor_clusters", "descriptor_forest", "descriptor_knn", "descriptor_mlp", "descriptor_svm")
FOLDS = 5


def accuracy(name: str, table: pd.DataFrame, train: np.ndarray, test: np.ndarray, seed: int) -> float:
    """The accuracy on the test rows of the recipe, fitted to the train rows."""
    settings = load(TrainConfig, str(recipe_file(name)), (), {"source": "-", "output": "-"})
    front_end = DescriptorFrontEnd(columns=getattr(settings.front_end, "columns", list(COLUMNS)))
    genres = sorted(table["label"].unique())
    labels = table["label"].map(genres.index).to_numpy()
    pieces = [row[None, :, None] for row in table[front_end.columns].to_numpy(np.float32)]
    recipe = Recipe(settings.architecture, front_end, settings.optimisation, genres, settings.standardise)
    learned = [pieces[row] for row in train]
    model = fit_model(recipe, learned, labels[train], seed=seed, progress=lambda *_: None)
    logits, rows = segment_logits(model, [pieces[row] for row in test])
    return float((logits.argmax(axis=1) == labels[test][rows]).mean())


def listed(table: pd.DataFrame, folder: Path, parts: tuple[str, ...]) -> np.ndarray:
    """The row numbers of the tracks in the lists of these parts."""
    lines = [line for part in parts for line in (folder / f"{part}_filtered.txt").read_text().split()]
    names = {PurePosixPath(line).name for line in lines}
    return np.flatnonzero(table["filename"].isin(names))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("--lists", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    table = pd.read_csv(arguments.features)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=arguments.seed)
    splits = list(folds.split(table, table["label"]))
    results = {}
    for name in RECIPES:
        random = [accuracy(name, table, train, test, arguments.seed) for train, test in splits]
        results[name] = {"random folds": float(np.mean(random)), "random folds sd": float(np.std(random, ddof=1))}
        if arguments.lists:
            train, test = (listed(table, arguments.lists, parts) for parts in (("train", "valid"), ("test",)))
            results[name]["fault-filtered"] = accuracy(name, table, train, test, arguments.seed)
            results[name] |= {"train tracks": len(train), "test tracks": len(test)}
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
