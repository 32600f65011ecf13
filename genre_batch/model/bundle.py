"""A model as one folder: weights, front end, taxonomy, calibration, golden vectors, card. Nothing is unpickled."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib import resources
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from genre_batch.errors import UsageError
from genre_batch.features.front_end_base import BEFORE_THE_CHOICE
from genre_batch.model.classifier import FileName
from genre_batch.model.embedding import Projection, read_projection
from genre_batch.model.manifest import BUNDLE_SCHEMA_VERSION, BundleManifest, key_path
from genre_batch.storage.open_store import as_folder, location, open_store
from genre_batch.storage.store import ObjectGone, StorageError

ANSWERS_VERSION = 1
"""Raise it when equal bundles give other answers than before, so that all tracks are scored again.

A new column of the output tables does not raise it: see docs/decisions/0018-schema-versions.md.
"""

MANIFEST_FILE = "bundle.json"
WEIGHTS_FILE: FileName = "model.safetensors"
EMBEDDING_FILE: FileName = "embedding.safetensors"
GOLDEN_FILE: FileName = "golden.npz"
CANARIES_FILE: FileName = "canaries.zip"
CARD_FILE: FileName = "README.md"

DEFAULT_BUNDLE = "default"
SHIPPED_BUNDLES = (DEFAULT_BUNDLE, "default-embedding", "cheap", "one-window")
"""Folders in `bundles/`. default-embedding: the default with a projection that gives tracks embeddings. cheap: the
first default, which takes 0.4 of the CPU time, decoding included. one-window: the second default, which hears a single
window of 30 s."""

BundleLocation = Annotated[
    str, Field(min_length=1), AfterValidator(lambda uri: uri if uri in SHIPPED_BUNDLES else location(uri))
]
"""A setting that is the folder of a model bundle, or the name of a shipped one."""

ReadFile = Callable[[str], bytes]


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory. `files` holds the bytes of the files that the manifest names.

    tags_above: the probability above which a track is given a tag; null gives none. min_in_scope: the least `in_scope`
    of a track that is answered; null answers all.
    """

    uri: str
    manifest: BundleManifest
    files: Mapping[FileName, bytes]
    tags_above: float | None = None
    min_in_scope: float | None = None

    @cached_property
    def fingerprint(self) -> str:
        """sha256, in hex, over everything that decides a score: while it stays the same, an old score still holds."""
        decisive = self.manifest.model_dump(
            mode="json",
            include={"architecture", "front_end", "taxonomy", "calibration", "thresholds", "pooling"},
        )
        if self.manifest.scope is not None:
            decisive["scope"] = self.manifest.scope.model_dump(mode="json")
        if self.tags_above is not None:
            decisive["tags_above"] = self.tags_above
        if self.min_in_scope is not None:
            decisive["min_in_scope"] = self.min_in_scope
        for key, before in BEFORE_THE_CHOICE.items():
            if decisive["front_end"][key] == before:
                decisive["front_end"].pop(key)
        for key in self.manifest.architecture.training_only:
            decisive["architecture"].pop(key, None)
        names = self.manifest.architecture.weight_files
        decisive["weights"] = {name: sha256_hex(self.files[name]) for name in names}
        if self.manifest.embedding:  # embeddings of two projections must not get into one table
            decisive["embedding"] = sha256_hex(self.files[EMBEDDING_FILE])
        decisive["output_schema_version"] = ANSWERS_VERSION  # the old name, or all fingerprints would change
        return sha256_hex(json.dumps(decisive, sort_keys=True, separators=(",", ":")).encode())

    @cached_property
    def projection(self) -> Projection | None:
        """What makes embeddings; None if the bundle has none. Raises UsageError if its file does not fit."""
        settings = self.manifest.embedding
        return read_projection(self.files[EMBEDDING_FILE], settings, self.uri) if settings else None

    @property
    def model_id(self) -> str:
        """The name and the beginning of the fingerprint; safe in a path."""
        return f"{self.manifest.name}-{self.fingerprint[:8]}"

    def chosen(
        self, min_precision: float | None, tags_above: float | None = None, min_in_scope: float | None = None
    ) -> "Bundle":
        """The bundle as scoring settings want it: with the thresholds for a precision, with tags, and a least scope.

        None leaves each as it is. Raises UsageError if the bundle keeps no such thresholds, if they never let it
        answer, if it knows no tags, or if it cannot tell what is in scope.
        """
        manifest = self.manifest
        if min_precision is not None:
            kept = manifest.thresholds_at
            if f"{min_precision:g}" not in kept:
                raise UsageError(
                    f"the model bundle {self.uri} keeps no thresholds for min_precision={min_precision:g}",
                    f"it keeps those for {', '.join(kept)}" if kept else "train it again, with this version",
                )
            manifest = manifest.model_copy(update={"thresholds": kept[f"{min_precision:g}"]})
            if manifest.never_answers(manifest.thresholds):
                reached = [target for target, thresholds in kept.items() if not manifest.never_answers(thresholds)]
                raise UsageError(
                    f"the model bundle {self.uri} cannot reach min_precision={min_precision:g}: no threshold "
                    "reaches this precision on its held-out tracks, so it would never answer",
                    f"choose one that it reaches: {', '.join(reached)}" if reached else "train it on more tracks",
                )
        if tags_above is not None and not manifest.architecture.tags:
            raise UsageError(f"the model bundle {self.uri} knows no tags", "leave out tags_above")
        if min_in_scope is not None and manifest.scope is None:
            raise UsageError(f"the model bundle {self.uri} has no `in_scope`", "leave out min_in_scope")
        return replace(self, manifest=manifest, tags_above=tags_above, min_in_scope=min_in_scope)


def load_bundle(uri: str) -> Bundle:
    """The bundle in the folder `uri` (local or s3://), or one shipped with the package if `uri` is its name.

    Raises UsageError if it cannot be read, has another schema version, or a file differs from its manifest.

    >>> bundle = load_bundle("default")
    >>> bundle.manifest.taxonomy.genres[:3]
    ['blues', 'classical', 'country']
    >>> bundle.manifest.front_end.sample_rate
    16000
    """
    read = _reader(uri)
    manifest = parse_manifest(read(MANIFEST_FILE), uri)
    embedding = (EMBEDDING_FILE,) if manifest.embedding else ()
    canaries = (CANARIES_FILE,) if CANARIES_FILE in manifest.files else ()
    names = (*manifest.architecture.weight_files, *embedding, GOLDEN_FILE, *canaries, CARD_FILE)
    files = {name: read(name) for name in names}
    for name, data in files.items():
        if sha256_hex(data) != manifest.files.get(name):
            raise UsageError(
                f"{name} of the model bundle {uri} is not the file that its manifest names (sha256 differs)",
                "the bundle was changed or only partly copied: copy it again, or train it again",
            )
    return Bundle(uri, manifest, files)


def shipped_with(fingerprint: str) -> str | None:
    """The name of the shipped bundle with this fingerprint; None if no shipped one has it."""
    return next((name for name in SHIPPED_BUNDLES if load_bundle(name).fingerprint == fingerprint), None)


def parse_manifest(data: bytes, uri: str) -> BundleManifest:
    """The manifest in `data`; `uri` is for the message. Raises UsageError if it is not valid."""
    try:
        version = _Version.model_validate_json(data).schema_version
        if version != BUNDLE_SCHEMA_VERSION:
            raise UsageError(
                f"{MANIFEST_FILE} of the model bundle {uri} has schema version {version}, not {BUNDLE_SCHEMA_VERSION}",
                "use the version of genre-batch that made the bundle, or train it again",
            )
        return BundleManifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = key_path(first["loc"])
        raise UsageError(
            f"{MANIFEST_FILE} of the model bundle {uri} is not valid{f' at {where}' if where else ''}: {first['msg']}",
            "bundles are written by `genre-batch train`; do not edit them by hand",
        ) from error


def sha256_hex(data: bytes) -> str:
    """sha256 of `data`, in hex."""
    return hashlib.sha256(data).hexdigest()


class _Version(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    schema_version: int


def _reader(uri: str) -> ReadFile:
    if uri in SHIPPED_BUNDLES:
        return partial(_read_shipped, uri)
    folder = as_folder(uri)
    return lambda name: _read_stored(uri, folder + name)


def _read_shipped(bundle: str, name: str) -> bytes:
    try:
        return (resources.files("genre_batch.model") / "bundles" / bundle / name).read_bytes()
    except OSError as error:
        raise UsageError(f"the shipped model bundle {bundle} has no {name}", "install genre-batch again") from error


def _read_stored(uri: str, file_uri: str) -> bytes:
    try:
        return open_store(file_uri).read(file_uri)
    except ObjectGone as error:
        raise UsageError(
            f"there is no model bundle at {uri}: {file_uri} does not exist",
            f"give the folder that `genre-batch train` wrote, or a shipped one: {' or '.join(SHIPPED_BUNDLES)}",
        ) from error
    except StorageError as error:
        raise UsageError(
            f"the model bundle {uri} cannot be read: {error}", error.hint or "check the URI and the credentials"
        ) from error
