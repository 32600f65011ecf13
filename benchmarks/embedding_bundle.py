"""Writes the shipped bundle `default-embedding`: the default model with a projection that gives tracks embeddings.

    python benchmarks/embedding_bundle.py LABELLED WORK OUTPUT [--bundle default]

LABELLED is the corpus that the bundle learned from; its labels are not used. The model's answers stay as they are. The
projection is part of the fingerprint, so the new bundle is another model to readers. Features are kept below WORK.
"""

import argparse
from pathlib import Path

import numpy as np

from genre_batch.catalog.corpora import read_corpus
from genre_batch.model.bundle import CANARIES_FILE, EMBEDDING_FILE, GOLDEN_FILE, load_bundle
from genre_batch.model.embedding import EmbeddingSettings, fit_projection
from genre_batch.model.predictor import Predictor
from genre_batch.model.write_bundle import write_bundle
from genre_batch.training.corpus import read_training_corpus
from genre_batch.training.dataset import as_segments, extract_here
from genre_batch.training.package import check_output


def main(labelled: str, work: Path, output: str, bundle_uri: str) -> None:
    """Fit the projection to all segments of the corpus, and write the bundle."""
    bundle, folder = load_bundle(bundle_uri), check_output(output)
    front_end = bundle.manifest.front_end
    corpus = read_training_corpus(read_corpus(labelled), front_end, extract_here, work, "refuse")
    segments = np.concatenate([as_segments(pieces, front_end) for pieces in corpus.pieces])
    projection = fit_projection(Predictor(bundle, device="cpu").logits_and_layer(segments)[1])
    manifest = bundle.manifest.model_copy(update={"embedding": EmbeddingSettings(values=projection.values)})
    weights = {name: bundle.files[name] for name in manifest.architecture.weight_files}
    files = {**weights, EMBEDDING_FILE: projection.to_bytes()}
    written = write_bundle(folder, manifest, files, bundle.files[GOLDEN_FILE], bundle.files.get(CANARIES_FILE))
    print(f"{written.model_id}: {projection.values} values, fitted to {len(segments)} segments")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labelled")
    parser.add_argument("work", type=Path)
    parser.add_argument("output")
    parser.add_argument("--bundle", default="default")
    given = parser.parse_args()
    main(given.labelled, given.work, given.output, given.bundle)
