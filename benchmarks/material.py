"""What `default_model.py` measures on: labelled tracks as a recipe hears them, and the same tracks as MP3."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import soundfile

from genre_batch.catalog.corpora import read_corpus
from genre_batch.config import load
from genre_batch.training.corpus import TrainingCorpus, read_training_corpus
from genre_batch.training.dataset import extract_here
from genre_batch.training.feature_cache import Pieces
from genre_batch.training.recipe import Recipe
from genre_batch.training.recipe_files import recipe_file
from genre_batch.training.train_config import TrainConfig

MP3_BITRATE = 56_000
_MP3_RATES = 8_000, 160_000
"""Of MPEG-2 layer III: soundfile's compression level 1 is the first, 0 the second."""


@dataclass(frozen=True)
class Material:
    """The tracks of LABELLED, their pieces, and those of the same tracks as MP3."""

    config: TrainConfig
    corpus: TrainingCorpus
    mp3: list[Pieces]

    @property
    def recipe(self) -> Recipe:
        """The recipe for the genres of the corpus."""
        return Recipe(self.config.architecture, self.config.front_end, None, self.corpus.genres, standardise=False)

    @property
    def groups(self) -> list[str]:
        """The artist of each track."""
        return [labelled.group for labelled in self.corpus.tracks]


def durations_s(corpus: TrainingCorpus) -> list[float]:
    """The duration of each track."""
    return [soundfile.info(labelled.track.uri).duration for labelled in corpus.tracks]


def parts_of(labelled: Path) -> dict[str, str]:
    """The list of each track by the name of its file; empty if LABELLED has no lists."""
    table = labelled / "tracks.csv"
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {Path(row["path"]).stem: row.get("fault_filtered_split") or row.get("split") or "" for row in rows}


def as_mp3(corpus: TrainingCorpus, folder: Path) -> Path:
    """A folder with all tracks of the corpus as MP3."""
    lowest, highest = _MP3_RATES
    level = (highest - MP3_BITRATE) / (highest - lowest)
    for labelled in corpus.tracks:
        target = folder / labelled.genre / f"{Path(labelled.track.uri).stem}.mp3"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            samples, rate = soundfile.read(labelled.track.uri, dtype="float32")
            stream = io.BytesIO()
            soundfile.write(stream, samples, rate, format="MP3", bitrate_mode="CONSTANT", compression_level=level)
            target.write_bytes(stream.getvalue())
    return folder


def read_material(name: str, labelled: str, work: Path) -> Material:
    """The tracks of `labelled` as the recipe `name` hears them."""
    places = {"source": labelled, "output": str(work / "bundle")}
    config = load(TrainConfig, str(recipe_file(name)), (), places)
    corpus = read_training_corpus(read_corpus(labelled), config.front_end, extract_here, work / "features", "skip")
    copies = read_training_corpus(
        read_corpus(str(as_mp3(corpus, work / "mp3"))), config.front_end, extract_here, work / "features", "skip"
    )
    by_stem = {Path(each.track.uri).stem: pieces for each, pieces in zip(copies.tracks, copies.pieces, strict=True)}
    return Material(config, corpus, [by_stem[Path(each.track.uri).stem] for each in corpus.tracks])
