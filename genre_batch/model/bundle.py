"""A model as one folder: weights, front end, labels, calibration, golden vectors and a card. Nothing is unpickled."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources

from pydantic import BaseModel, ConfigDict, ValidationError

from genre_batch.errors import UsageError
from genre_batch.model.architecture import OF_TRAINING, FileName, weight_files
from genre_batch.model.manifest import BUNDLE_SCHEMA_VERSION, BundleManifest, key_path
from genre_batch.storage.open_store import as_folder, open_store
from genre_batch.storage.store import ObjectGone, StorageError

OUTPUT_SCHEMA_VERSION = 1
"""Raise it when a column of the output tables changes its meaning: all tracks are then scored again."""

MANIFEST_FILE = "bundle.json"
WEIGHTS_FILE: FileName = "model.safetensors"
GOLDEN_FILE: FileName = "golden.npz"
CARD_FILE: FileName = "README.md"

DEFAULT_BUNDLE = "default"

ReadFile = Callable[[str], bytes]


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory. `files` holds the bytes of the files that the manifest names."""

    uri: str
    manifest: BundleManifest
    files: Mapping[FileName, bytes]

    @cached_property
    def fingerprint(self) -> str:
        """sha256, in hex, over all that decides a score: as long as it is the same, an old score still holds."""
        decisive = self.manifest.model_dump(
            mode="json",
            include={"architecture", "front_end", "taxonomy", "calibration", "thresholds", "pooling"},
        )
        for key in OF_TRAINING:
            decisive["architecture"].pop(key, None)
        names = weight_files(self.manifest.architecture)
        decisive["weights"] = {name: sha256_hex(self.files[name]) for name in names}
        decisive["output_schema_version"] = OUTPUT_SCHEMA_VERSION
        return sha256_hex(json.dumps(decisive, sort_keys=True, separators=(",", ":")).encode())

    @property
    def model_id(self) -> str:
        """Name and the beginning of the fingerprint; safe as a part of a path."""
        return f"{self.manifest.name}-{self.fingerprint[:8]}"


def load_bundle(uri: str) -> Bundle:
    """The bundle in the folder `uri` (local or s3://), or the one shipped in the package where `uri` is "default".

    Raises UsageError if it cannot be read, is not of this schema, or a file is not the one its manifest names.
    """
    read = _reader(uri)
    manifest = parse_manifest(read(MANIFEST_FILE), uri)
    names = (*weight_files(manifest.architecture), GOLDEN_FILE, CARD_FILE)
    files = {name: read(name) for name in names}
    for name, data in files.items():
        if sha256_hex(data) != manifest.files.get(name):
            raise UsageError(
                f"{name} of the model bundle {uri} is not the file its manifest names (sha256 differs)",
                "the bundle was changed or only partly copied: copy it again, or train it again",
            )
    return Bundle(uri, manifest, files)


def parse_manifest(data: bytes, uri: str) -> BundleManifest:
    """The manifest that `data` is; `uri` is for the message. Raises UsageError if it is not one."""
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
    if uri == DEFAULT_BUNDLE:
        return _read_shipped
    folder = as_folder(uri)
    return lambda name: _read_stored(uri, folder + name)


def _read_shipped(name: str) -> bytes:
    try:
        return (resources.files("genre_batch.model") / "bundles" / DEFAULT_BUNDLE / name).read_bytes()
    except OSError as error:
        raise UsageError(f"the shipped model bundle lacks {name}", "install genre-batch again") from error


def _read_stored(uri: str, file_uri: str) -> bytes:
    try:
        return open_store(file_uri).read(file_uri)
    except ObjectGone as error:
        raise UsageError(
            f"there is no model bundle at {uri}: {file_uri} does not exist",
            f"give the folder that `genre-batch train` wrote, or `{DEFAULT_BUNDLE}` for the shipped one",
        ) from error
    except StorageError as error:
        raise UsageError(
            f"the model bundle {uri} cannot be read: {error}", "check the URI and the credentials"
        ) from error
