"""Writes a bundle to a folder."""

from collections.abc import Mapping
from pathlib import Path

from genre_batch.model.architecture import FileName
from genre_batch.model.bundle import (
    CARD_FILE,
    GOLDEN_FILE,
    MANIFEST_FILE,
    Bundle,
    sha256_hex,
)
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.model_card import render_card


def write_bundle(folder: Path, manifest: BundleManifest, weights: Mapping[FileName, bytes], golden: bytes) -> Bundle:
    """Write the weights, golden.npz, README.md and then bundle.json into `folder`, and return what was written.

    `weights`: the files that `weight_files` names; `golden` comes from `golden.make_golden`. `manifest.files`
    is filled in here.
    """
    draft = Bundle(str(folder), manifest, {**weights, GOLDEN_FILE: golden})
    files: dict[FileName, bytes] = {**draft.files, CARD_FILE: render_card(draft).encode()}
    digests = {name: sha256_hex(data) for name, data in files.items()}
    complete = manifest.model_copy(update={"files": digests})
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / MANIFEST_FILE).write_text(complete.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return Bundle(str(folder), complete, files)
