"""Whether the weights of a bundle fit it, found out before any work and without torch."""

from genre_batch.errors import UsageError
from genre_batch.model.bundle import WEIGHTS_FILE, Bundle


def check_weights(bundle: Bundle) -> None:
    """Compare the arrays that `model.safetensors` declares with those that the manifest records.

    Only the header is read, no values. Bundles written before shapes were recorded are checked when the network is
    loaded; bundles without such a file are not checked here. Raises UsageError if the weights cannot be used.
    """
    if WEIGHTS_FILE not in bundle.manifest.architecture.weight_files:
        return
    try:
        found = weight_shapes(bundle.files[WEIGHTS_FILE])
    except ValueError as error:
        raise _misfit(bundle, f"{WEIGHTS_FILE} is not a safetensors file: {error}") from error
    recorded = bundle.manifest.weight_shapes
    if not recorded:
        return
    if found.keys() != recorded.keys():
        name = min(found.keys() ^ recorded.keys())
        raise _misfit(bundle, f"there is {'no' if name in recorded else 'an unknown'} {name!r}")
    for name, shape in recorded.items():
        if found[name] != shape:
            raise _misfit(bundle, f"{name} is {found[name]}, not {shape}")


def weight_shapes(data: bytes) -> dict[str, list[int]]:
    """The shape of each array by name, sorted, from the header of a safetensors file. Raises ValueError."""
    from safetensors import SafetensorError, deserialize

    try:
        tensors = deserialize(data)  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise ValueError(str(error).splitlines()[0]) from error
    return {name: list(tensor["shape"]) for name, tensor in sorted(tensors)}


def _misfit(bundle: Bundle, detail: str) -> UsageError:
    return UsageError(
        f"the weights of the model bundle {bundle.uri} do not fit its architecture: {detail}", "train the bundle again"
    )
