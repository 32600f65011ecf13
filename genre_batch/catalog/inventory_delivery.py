"""The newest delivery of an S3 Inventory: a nightly run names all of them by one source, and reads the newest."""

import hashlib
import logging
import re

from genre_batch.errors import UsageError
from genre_batch.storage.open_store import RequestPayer, open_store
from genre_batch.storage.store import ObjectGone, Store

_ANY_DELIVERY = "/*/manifest.json"
_DELIVERY = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}Z", re.ASCII)
_LOG = logging.getLogger(__name__)


def newest_manifest(source: str, request_payer: RequestPayer | None = None) -> tuple[str, bytes]:
    """The manifest that an inventory source names: its URI, and its bytes.

    `s3://BUCKET/PREFIX/*/manifest.json` names that of the newest delivery below the folder: S3 puts each into a folder
    with its time, such as 2026-11-29T01-00Z. A delivery without a manifest, or with one that does not have the MD5 in
    its manifest.checksum, is not complete, and the one before it is taken. Raises UsageError if no delivery is
    complete, and what the store raises.
    """
    store = open_store(source, request_payer)
    if not source.endswith(_ANY_DELIVERY):
        return source, store.read(source)
    folder = source.removesuffix(_ANY_DELIVERY) + "/"
    names = (found.removeprefix(folder).rstrip("/") for found in store.folders(folder))
    for delivery in sorted(filter(_DELIVERY.fullmatch, names), reverse=True):
        uri = f"{folder}{delivery}/manifest.json"
        data = _whole(store, uri)
        if data is not None:
            _LOG.info("the newest complete inventory is %s", uri)
            return uri, data
        _LOG.warning("%s is not complete; taking the inventory before it", uri)
    raise UsageError(
        f"there is no complete S3 Inventory below {folder!r}.",
        "give the folder that has one folder for each delivery, such as 2026-11-29T01-00Z/",
    )


def _whole(store: Store, uri: str) -> bytes | None:
    """The bytes of a manifest; None if it is missing or is not the one that its checksum is of."""
    try:
        data = store.read(uri)
    except ObjectGone:
        return None
    try:
        wanted = store.read(uri.removesuffix(".json") + ".checksum").decode(errors="replace").strip()
    except ObjectGone:  # S3 writes it last, so the files of the delivery are perhaps not all there
        return None
    return data if hashlib.md5(data, usedforsecurity=False).hexdigest() == wanted.lower() else None
