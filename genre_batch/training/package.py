"""A trained network becomes a bundle on disk: whole, or not at all."""

import shutil
import tempfile
from pathlib import Path

from safetensors.torch import save
from torch import nn

from genre_batch.errors import UsageError
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle
from genre_batch.model.golden import make_golden
from genre_batch.model.manifest import BundleManifest
from genre_batch.model.predictor import Predictor
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


def write_trained_bundle(folder: Path, manifest: BundleManifest, network: nn.Module) -> Bundle:
    """Write `network` with its golden vectors into `folder`, which must be new or empty, and return the bundle.

    Everything is written beside it first and then renamed, so a failure leaves no part of a bundle behind.
    """
    weights = save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    draft = Bundle(str(folder), manifest, {WEIGHTS_FILE: weights})
    golden = make_golden(draft, Predictor(draft, device="cpu"))
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        bundle = write_bundle(temporary, manifest, {WEIGHTS_FILE: weights}, golden)
        temporary.chmod(0o755)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return Bundle(str(folder), bundle.manifest, bundle.files)
