"""From a trained model to a bundle on disk, with the facts for its card."""

import platform
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from genre_batch.errors import UsageError
from genre_batch.features.segments import Segments
from genre_batch.model.bundle import EMBEDDING_FILE, Bundle
from genre_batch.model.canaries import make_canaries
from genre_batch.model.classifier import FileName
from genre_batch.model.embedding import EmbeddingSettings, fit_projection
from genre_batch.model.golden import GivesLayer, make_golden
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.networks.settings import TrunkSettings
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.write_bundle import write_bundle
from genre_batch.training.corpus import TrainingCorpus
from genre_batch.training.splits import Split
from genre_batch.training.train_config import TrainConfig

_SPLITS: dict[Split, str] = {
    "artist": "{folds}-fold cross-validation, {repeats} times, artists never on both sides ({groups} artists); the "
    "shipped weights were then fitted on all tracks",
    "track": "{folds}-fold cross-validation, {repeats} times, by track: tracks of one artist may be on both sides; the "
    "shipped weights were then fitted on all tracks",
    "segment_random": "LEAKY: {folds}-fold cross-validation, {repeats} times, over segments drawn at random, so that "
    "pieces of the same track are on both sides. These figures say nothing about new music",
    "listed": "measured on a test list, calibrated on a validation list, {repeats} times; the shipped weights learned "
    "from the train list alone, and are those of the first repeat",
}

_OF_THE_TRUNK = {
    "trunk": "MSD_musicnn (Pons and Serra 2019), which others trained on 50 tags of some 200,000 tracks of the Million "
    "Song Dataset. It may have heard artists of this corpus: what is said of unseen artists holds for the head only",
    "licence of the trunk": "ISC. Copyright (c) Music Technology Group, Universitat Pompeu Fabra 2019. Code developed "
    "by Jordi Pons (www.jordipons.me). Permission to use, copy, modify, and/or distribute this software for any "
    "purpose with or without fee is hereby granted, provided that the above copyright notice and this permission "
    'notice appear in all copies. THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD '
    "TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE "
    "LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS "
    "OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR "
    "IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.",
}


def card_facts(config: TrainConfig, corpus: TrainingCorpus, digest: str) -> dict[str, str]:
    """The facts for the model card, by name: data, split, seed, settings and library versions."""
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
    if isinstance(config.architecture, TrunkSettings):
        facts |= _OF_THE_TRUNK
    if config.target_precision is not None:
        facts["target precision"] = f"{config.target_precision:g} of the answers, by thresholds set on held-out tracks"
    if config.optimisation is not None:
        facts["optimisation"] = config.optimisation.model_dump_json()
    return facts


def check_output(output: str) -> Path:
    """The folder for a bundle; it is not created. Raises UsageError unless it is local, and new or empty."""
    if "://" in output:
        raise UsageError(f"a model bundle is written to a local folder, not to {output}", "copy it there afterwards")
    folder = Path(output).expanduser().absolute()
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"{output} exists and is not an empty folder", "give a new folder, or remove it first")
        above = next(parent for parent in folder.parents if parent.exists())
        tempfile.TemporaryFile(dir=above).close()
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}", "give another folder") from error
    return folder


def write_trained_bundle(
    folder: Path,
    manifest: BundleManifest,
    weights: Mapping[FileName, bytes],
    embed: Segments | None = None,
    clips: Mapping[str, bytes] | None = None,
) -> Bundle:
    """Write `weights` with their golden vectors into `folder`, which must be new or empty, and return the bundle.

    embed: training segments [n, rows, columns] of a network, from which its projection for embeddings is fitted. clips:
    audio files by name, which become its canaries.
    Everything is first written to a folder beside it, which is then renamed, so a failure leaves no partial bundle.
    """
    draft = Bundle(str(folder), manifest, weights)
    predictor = open_predictor(draft, device="cpu")
    golden = make_golden(draft, predictor)
    canaries = make_canaries(draft, predictor, clips) if clips else None
    if embed is not None and isinstance(predictor, GivesLayer):
        projection = fit_projection(predictor.logits_and_layer(embed)[1])
        manifest = manifest.model_copy(update={"embedding": EmbeddingSettings(values=projection.values)})
        weights = {**weights, EMBEDDING_FILE: projection.to_bytes()}
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        bundle = write_bundle(temporary, manifest, weights, golden, canaries)
        temporary.chmod(0o755)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return Bundle(str(folder), bundle.manifest, bundle.files)
