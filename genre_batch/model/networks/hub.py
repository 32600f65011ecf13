"""Files of a model on the Hugging Face hub."""

from collections.abc import Sequence
from pathlib import Path

_TIMEOUT_S = 3.0


class NotHad(Exception):
    """The files are not here and cannot be fetched; `str(error)` is a clause that says why."""


def files_from_hub(name: str, files: Sequence[str]) -> Path:
    """The folder with `files` of the hub's model `name`: from the hub's cache on this machine, else downloaded.

    A hub that does not answer is given up after 3 s for each of its addresses. (huggingface_hub's own functions would
    try for half a minute, or without end where connections hang, so it is asked for the model's description first.)
    Raises NotHad.
    """
    from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # httpx's or httpx2's, as the hub's

    try:
        paths = [try_to_load_from_cache(name, file) for file in files]
        if not all(isinstance(path, str) for path in paths):
            HfApi().model_info(name, timeout=_TIMEOUT_S)
            paths = [hf_hub_download(name, file) for file in files]
    except (HTTPError, OSError, ValueError) as error:
        raise NotHad(_why(error)) from error
    return Path(str(paths[0])).parent


def _why(error: Exception) -> str:
    from huggingface_hub.errors import HFValidationError, RemoteEntryNotFoundError, RepositoryNotFoundError

    match error:
        case HFValidationError():
            return "there is no such folder"
        case RepositoryNotFoundError():
            return "there is no such folder, and no such model on the Hugging Face hub that may be read without a login"
        case RemoteEntryNotFoundError():
            return "that model on the Hugging Face hub has no such files"
        case _:
            return "there is no such folder, nothing in the hub's cache, and the Hugging Face hub cannot be reached"
