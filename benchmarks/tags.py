"""How well the trunk's tags that name a genre agree with the genres of labelled tracks.

    python benchmarks/tags.py LABELLED WORK [--bundle default] [--above 0.1]

Prints a Markdown table: for each tag that is the name of one of LABELLED's genres, the area under the ROC curve of its
probability (tracks of the genre against all others; 95 % interval by resampling artists), and what `tags_above` does:
the share of the genre's tracks that get the tag, and the share of the tracks with the tag that are of the genre. The
last column names the genre that gets the tag most often beside its own. Features are kept below WORK.
"""

import os

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "NUMBA")}

import argparse
import sys
from pathlib import Path

import numpy as np

from genre_batch.catalog.corpora import read_corpus
from genre_batch.evaluation.intervals import LEAST_ARTISTS, Interval, grouped_bootstrap
from genre_batch.model.bundle import Bundle, load_bundle
from genre_batch.model.predictor import Predictor
from genre_batch.model.scores import Floats, pool
from genre_batch.training.corpus import TrainingCorpus, read_training_corpus
from genre_batch.training.dataset import as_segments, extract_here


def tag_probabilities(corpus: TrainingCorpus, bundle: Bundle) -> Floats:
    """The probability of each tag for each track, [n_tracks, n_tags]."""
    segments = [as_segments(pieces, bundle.manifest.front_end) for pieces in corpus.pieces]
    rows = np.repeat(np.arange(len(segments), dtype=np.int32), [len(each) for each in segments])
    tags = Predictor(bundle, device="cpu").answers(np.concatenate(segments)).tags
    if tags is None:
        raise SystemExit(f"the model bundle {bundle.uri} knows no tags")
    return pool(tags, rows, len(segments))


def plain(name: str) -> str:
    """A name without its case and its punctuation: the tag Hip-Hop is the genre hiphop."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def line(tag: str, probability: Floats, is_genre: np.ndarray, corpus: TrainingCorpus, above: float) -> str:
    """The line of one tag."""
    from sklearn.metrics import roc_auc_score

    def area(rows: np.ndarray) -> float:
        both = 0 < is_genre[rows].sum() < len(rows)
        return float(roc_auc_score(is_genre[rows], probability[rows])) if both else float("nan")

    artists = len({each.group for each, own in zip(corpus.tracks, is_genre, strict=True) if own})
    if artists < LEAST_ARTISTS:
        found = Interval(mean=area(np.arange(len(is_genre))), low=None, high=None)
    else:
        found = grouped_bootstrap(area, [labelled.group for labelled in corpus.tracks])
    given = probability > above
    others = np.array([given[(corpus.labels == number) & ~is_genre].sum() for number in range(len(corpus.genres))])
    precision = f"{is_genre[given].mean():.2f} of {given.sum()}" if given.any() else "none"
    besides = f"{corpus.genres[others.argmax()]} {others.max()}" if others.any() else ""
    return (
        f"| {tag} | {is_genre.sum()}, {artists} | {found.mean:.3f}; {found.text(lambda value: f'{value:.3f}')} "
        f"| {given[is_genre].mean():.2f} | {precision} | {besides} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labelled")
    parser.add_argument("work", type=Path)
    parser.add_argument("--bundle", default="default")
    parser.add_argument("--above", type=float, default=0.1)
    given = parser.parse_args()
    bundle = load_bundle(given.bundle)
    front_end = bundle.manifest.front_end
    corpus = read_training_corpus(read_corpus(given.labelled), front_end, extract_here, given.work / "features", "skip")
    probabilities = tag_probabilities(corpus, bundle)
    lines = [
        f"| tag | tracks, artists | area | tagged above {given.above:g} | right of those | besides |",
        "|---" * 6 + "|",
    ]
    for place, tag in enumerate(bundle.manifest.architecture.tags):
        own = [number for number, genre in enumerate(corpus.genres) if plain(genre) == plain(tag)]
        if own:
            lines.append(line(tag, probabilities[:, place], corpus.labels == own[0], corpus, given.above))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
