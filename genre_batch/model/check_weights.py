"""Whether a weights file is one, and fits its architecture: found out before any work, without torch."""

from genre_batch.errors import UsageError
from genre_batch.model.architecture import AnyNetwork, HuggingFaceSettings, MobileNetSettings
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle
from genre_batch.model.weight_shapes import Shape, weight_shapes

Shapes = dict[str, tuple[int, ...]]


def check_weights(bundle: Bundle) -> None:
    """Check what the header of `model.safetensors` says against the architecture; values are not looked at.

    Of mobilenet only the output is known here, of a model of transformers nothing but that the file is one; other
    bundles have no such file. Raises UsageError where the weights cannot be used.
    """
    manifest, architecture = bundle.manifest, bundle.manifest.architecture
    if not isinstance(architecture, AnyNetwork | HuggingFaceSettings):
        return
    found = _header(bundle)
    if isinstance(architecture, HuggingFaceSettings):
        return
    wanted = weight_shapes(architecture, *manifest.front_end.segment_shape, len(manifest.taxonomy.genres))
    if isinstance(architecture, MobileNetSettings):
        found = {name: shape for name, shape in found.items() if name in wanted}
    if found.keys() != wanted.keys():
        name = min(found.keys() ^ wanted.keys())
        raise _misfit(bundle, f"there is {'no' if name in wanted else 'an unknown'} {name!r}")
    lengths: dict[str, int] = {}
    for name, shape in wanted.items():
        if not _fits(found[name], shape, lengths):
            raise _misfit(bundle, f"{name} is {found[name]}, not {shape}")


def _header(bundle: Bundle) -> Shapes:
    from safetensors import SafetensorError, deserialize

    try:
        tensors = deserialize(bundle.files[WEIGHTS_FILE])  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise _misfit(bundle, f"{WEIGHTS_FILE} is no safetensors file: {str(error).splitlines()[0]}") from error
    return {name: tuple(tensor["shape"]) for name, tensor in tensors}


def _fits(found: tuple[int, ...], wanted: Shape, lengths: dict[str, int]) -> bool:
    """Whether a shape is the wanted one; `lengths` has those of the names met so far."""
    if len(found) != len(wanted):
        return False
    for have, want in zip(found, wanted, strict=True):
        if have == 0 or have != (lengths.setdefault(want, have) if isinstance(want, str) else want):
            return False
    return True


def _misfit(bundle: Bundle, detail: str) -> UsageError:
    return UsageError(
        f"the weights of the model bundle {bundle.uri} do not fit its architecture: {detail}", "train the bundle again"
    )
