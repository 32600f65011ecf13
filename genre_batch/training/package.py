"""A trained model becomes a bundle on disk: whole, or not at all."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from genre_batch.errors import UsageError
from genre_batch.model.architecture import FileName
from genre_batch.model.bundle import Bundle
from genre_batch.model.golden import make_golden
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.open_predictor import open_predictor
from genre_batch.model.write_bundle import write_bundle


def check_output(output: str) -> Path:
    """The folder that a bundle can be written to; it is not made. Raises UsageError unless local, and new or empty."""
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


def write_trained_bundle(folder: Path, manifest: BundleManifest, weights: Mapping[FileName, bytes]) -> Bundle:
    """Write `weights` with their golden vectors into `folder`, which must be new or empty, and return the bundle.

    Everything is written beside it first and then renamed, so a failure leaves no part of a bundle behind.
    """
    draft = Bundle(str(folder), manifest, weights)
    golden = make_golden(draft, open_predictor(draft, device="cpu"))
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        bundle = write_bundle(temporary, manifest, weights, golden)
        temporary.chmod(0o755)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return Bundle(str(folder), bundle.manifest, bundle.files)
