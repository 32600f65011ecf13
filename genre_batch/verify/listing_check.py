"""The frozen listing of a run held against its plan."""

import hashlib
from collections.abc import Iterator

from genre_batch.catalog.listing import LISTING_INDEX, Listing, ListingInfo, part_name
from genre_batch.errors import UserError
from genre_batch.run.planning import listing_folder
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.object_file import ObjectFile
from genre_batch.storage.store import ObjectGone, Store
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.reading import Unreadable, reading
from genre_batch.verify.run_files import RunFiles

_PIECE_BYTES = 8 * 1024 * 1024


def check_listing(store: Store, output: str, plan: RunPlan, files: RunFiles, findings: Findings) -> Listing | None:
    """The listing of a run, if it is whole; what is wrong with it is noted. Memory holds 8 MiB of it at a time."""
    faults = list(_faults(store, output, plan, files))
    for kind, name, fault in faults:
        tracks = 0 if kind is Kind.EXTRA else plan.tracks
        findings.add(kind, _path(plan, name), fault, tracks=tracks, run_id=plan.run_id)
    if any(kind is not Kind.EXTRA for kind, _, _ in faults):
        return None
    try:
        return Listing(store, listing_folder(output, plan.run_id))
    except UserError as error:
        findings.add(Kind.DAMAGED, _path(plan, LISTING_INDEX), str(error), tracks=plan.tracks, run_id=plan.run_id)
        return None


def _faults(store: Store, output: str, plan: RunPlan, files: RunFiles) -> Iterator[tuple[Kind, str, str]]:
    try:
        with reading():
            data = store.read(layout.at(output, _path(plan, LISTING_INDEX)))
    except ObjectGone:
        yield Kind.MISSING, LISTING_INDEX, "the index of the listing is missing"
        return
    except Unreadable as unreadable:
        yield Kind.DAMAGED, LISTING_INDEX, str(unreadable)
        return
    try:
        info = ListingInfo.model_validate_json(data)
    except ValueError:
        yield Kind.DAMAGED, LISTING_INDEX, "it is not the index of a listing"
        return
    if info.as_json() != data or plan.listing_sha256 not in (None, hashlib.sha256(data).hexdigest()):
        yield Kind.DAMAGED, LISTING_INDEX, "it is not the index that the plan names"
    parts = tuple(part_name(number) for number in range(-(-plan.tracks // info.file_rows)))
    if (info.tracks, info.size_bytes, info.files) != (plan.tracks, plan.size_bytes, parts):
        yield Kind.DAMAGED, LISTING_INDEX, "it does not agree with the plan"
    for extra in sorted(files.listing - {LISTING_INDEX, *parts}):
        yield Kind.EXTRA, extra, "no part of the listing"
    yield from _wrong_parts(store, output, plan, parts, info)


def _wrong_parts(
    store: Store, output: str, plan: RunPlan, parts: tuple[str, ...], info: ListingInfo
) -> Iterator[tuple[Kind, str, str]]:
    hashes = dict(zip(info.files, info.sha256, strict=False))
    for name in parts:
        try:
            with reading():
                digest = _sha256(store, layout.at(output, _path(plan, name)))
        except ObjectGone:
            yield Kind.MISSING, name, "a part of the listing is missing"
            continue
        except Unreadable as unreadable:
            yield Kind.DAMAGED, name, str(unreadable)
            continue
        if hashes.get(name, digest) != digest:
            yield Kind.DAMAGED, name, "the sha256 of this part of the listing is not that of its index"


def _sha256(store: Store, uri: str) -> str:
    digest, file = hashlib.sha256(), ObjectFile(store, uri)
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def _path(plan: RunPlan, name: str) -> str:
    return layout.run_path(plan.run_id, f"listing/{name}")
