"""The accuracy and the cost of all recipes on one labelled folder, with the same folds.

    python benchmarks/recipes.py LABELLED WORK [--recipes mfcc_cnn,short_cnn] [--folds 5] [--most-epochs 20]
        [--set architecture.pretrained=false]

Bundles and features are kept below WORK, and a recipe that is already there is not trained again. Prints one JSON
object per recipe, and a Markdown table at the end. The "leaky" split has segments of the same track on both sides; the
"honest" split has no artist on both sides. CPU seconds per track are for a 30 s window of a WAV file, through the
sandbox and the model.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "NUMBA")}

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import torch

from genre_batch.catalog.track import Track
from genre_batch.config import load
from genre_batch.demo.encode import Encoding, encode
from genre_batch.demo.synthesis import synthesise
from genre_batch.errors import UserError
from genre_batch.features.sandboxed import SandboxedFrontEnd
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.open_predictor import open_predictor
from genre_batch.training.recipe_files import recipe_file, recipe_names
from genre_batch.training.train_config import TrainConfig, TrainReport
from genre_batch.training.trainer import train

SPLITS = {"honest": "artist", "leaky": "segment_random"}
TIMED_TRACKS = 4
SAMPLE_RATE = 44_100
COLUMNS = ("recipe", "leaky", "honest", "macro F1", "parameters", "epochs", "training s", "CPU s a track", "remark")


def trained(name: str, split: str, arguments: argparse.Namespace) -> TrainReport:
    """The report of training the recipe under a split. It is stored next to the bundle."""
    output = Path(arguments.work) / name / split
    kept = output.with_suffix(".json")
    if not kept.exists():
        overrides = [
            f"split={SPLITS[split]}",
            f"folds={arguments.folds}",
            "repeats=1",
            f"cache={arguments.work}/features",
        ]
        if split == "leaky":
            overrides.append("training_window=null")  # segments drawn anew in each epoch cannot be split in advance
        overrides += arguments.set
        places = {"source": arguments.labelled, "output": str(output)}
        settings = load(TrainConfig, str(recipe_file(name)), overrides, places)
        if settings.optimisation and settings.optimisation.epochs > arguments.most_epochs:
            fewer = settings.optimisation.model_copy(update={"epochs": arguments.most_epochs})
            settings = settings.model_copy(update={"optimisation": fewer})
        kept.write_text(train(settings).model_dump_json())
    return TrainReport.model_validate_json(kept.read_text())


def cpu_s_a_track(bundle: Bundle) -> float:
    """CPU seconds of all processes to decode, extract and classify one track, after a warm-up."""
    predictor = open_predictor(bundle, device="cpu")
    torch.set_num_threads(1)
    tracks = [encode(synthesise("grind", seed, 200.0, SAMPLE_RATE), SAMPLE_RATE, Encoding.WAV) for seed in range(2)]
    with closing(SandboxedFrontEnd(bundle.manifest.front_end, deadline_s=120.0)) as front_end:

        def answer(data: bytes) -> None:
            track = Track("track", "track", "", len(data))
            predictor.logits(front_end.extract(track, lambda start, length: data[start : start + length]).segments)

        answer(tracks[0])
        start_s = time.process_time() + front_end.cpu_s
        for number in range(TIMED_TRACKS):
            answer(tracks[number % 2])
        return (time.process_time() + front_end.cpu_s - start_s) / TIMED_TRACKS


def rows(arguments: argparse.Namespace) -> Iterator[dict[str, str | float | None]]:
    """One row per recipe; the remark says why a recipe could not be trained."""
    for name in arguments.recipes.split(",") if arguments.recipes else recipe_names():
        try:
            honest, leaky = (trained(name, split, arguments) for split in SPLITS)
        except UserError as error:
            yield {"recipe": name, "remark": str(error)}
            continue
        bundle = load_bundle(str(Path(arguments.work) / name / "honest"))
        epochs = max((len(curve) for curve in bundle.manifest.curves.values()), default=0)
        yield {
            "recipe": name,
            "leaky": leaky.figures.accuracy_mean,
            "honest": honest.figures.accuracy_mean,
            "honest sd": honest.figures.accuracy_sd,
            "macro F1": honest.figures.macro_f1,
            "ECE": honest.figures.ece_after,
            "parameters": honest.parameters,
            "epochs": epochs or None,
            "training s": honest.wall_s,
            "CPU s a track": cpu_s_a_track(bundle),
            "remark": "",
        }


def markdown(table: list[dict[str, str | float | None]]) -> str:
    """The rows as a Markdown table for the documentation."""

    def cell(row: dict[str, str | float | None], column: str) -> str:
        value = row.get(column)
        if column == "honest" and isinstance(value, float):
            return f"{value:.3f} +- {row['honest sd']:.3f}"
        return (
            f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value or "")
        )

    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(cell(row, column) for column in COLUMNS) + " |" for row in table)])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labelled")
    parser.add_argument("work")
    parser.add_argument("--recipes", default="")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--most-epochs", type=int, default=1_000)
    parser.add_argument("--set", action="append", default=[], help="a setting for all recipes, as for `train`")
    table = []
    for row in rows(parser.parse_args()):
        table.append(row)
        print(json.dumps(row), flush=True)
    sys.stdout.write(markdown(table) + "\n")


if __name__ == "__main__":
    main()
