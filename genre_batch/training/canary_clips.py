"""The clips of a bundle's canaries: read for a new bundle, or added to one that exists."""

import json
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from genre_batch.errors import UsageError
from genre_batch.model.bundle import CANARIES_FILE, MANIFEST_FILE, SHIPPED_BUNDLES, load_bundle, sha256_hex
from genre_batch.model.canaries import MOST_CANARY_BYTES, make_canaries, project_clips, read_canaries
from genre_batch.model.open_predictor import open_predictor
from genre_batch.storage.open_store import absolute, as_folder, open_store
from genre_batch.storage.store import StorageError
from genre_batch.wording import size


class CanariesReport(BaseModel):
    """The canaries that a bundle has now. genres: the most probable genre of each, by clip."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    bundle: str
    model_id: str
    genres: dict[str, str]
    size_bytes: int

    def summary(self) -> str:
        """The report as lines for a terminal."""
        lines = [f"  {name}: {genre}" for name, genre in self.genres.items()]
        return "\n".join([f"{self.model_id}: {len(lines)} canaries, {size(self.size_bytes)}", *lines])


def read_clips(uris: Sequence[str] | None) -> dict[str, bytes]:
    """The clips at `uris` by the names of their files; those of the project for None.

    Raises UsageError if one cannot be read or is too large, or two have the same name.
    """
    if uris is None:
        return project_clips()
    clips: dict[str, bytes] = {}
    for uri in map(absolute, uris):
        name = uri.rsplit("/", 1)[-1]
        if name in clips:
            raise UsageError(f"two canaries are called {name!r}", "rename one of them")
        try:
            store = open_store(uri)
            found = store.head(uri)
            if found.size_bytes > MOST_CANARY_BYTES:
                raise UsageError(
                    f"the canary {uri} has {size(found.size_bytes)}", "cut a few seconds out of it, such as 5"
                )
            clips[name] = store.read(uri)
        except StorageError as error:
            hint = error.hint or "check the address and the credentials"
            raise UsageError(f"the canary cannot be read: {error}", hint) from error
    return clips


def add_canaries(folder: str, uris: Sequence[str] | None = None) -> CanariesReport:
    """Give the bundle in a folder these clips as canaries, or those of the project, with its present answers.

    Replaces the canaries that it has. Its fingerprint stays the same. Raises UsageError if it is a shipped bundle, or
    cannot be used or written, and what `read_clips` and `make_canaries` raise; nothing is changed then.
    """
    if folder in SHIPPED_BUNDLES:
        raise UsageError(f"the shipped bundle {folder} cannot be changed", "copy its folder, and give the copy")
    bundle = load_bundle(folder)
    data = make_canaries(bundle, open_predictor(bundle, device="cpu"), read_clips(uris))
    place, store = as_folder(folder), open_store(as_folder(folder))
    try:
        tree = json.loads(store.read(place + MANIFEST_FILE))  # as it is: this version might write more settings
        tree["files"][CANARIES_FILE] = sha256_hex(data)
        manifest = json.dumps(tree, indent=2, ensure_ascii=False).encode() + b"\n"
        for name, content in {CANARIES_FILE: data, MANIFEST_FILE: manifest}.items():
            store.write(place + name, content)
    except StorageError as error:
        raise UsageError(f"the bundle cannot be written: {error}", error.hint or "check its permissions") from error
    changed = load_bundle(folder)
    genres = {canary.name: canary.genre for canary in read_canaries(changed)}
    return CanariesReport(bundle=folder, model_id=changed.model_id, genres=genres, size_bytes=len(data))
