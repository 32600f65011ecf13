"""Checks the frozen listing of a run against its plan."""

import hashlib
from collections.abc import Iterator

from genre_batch.catalog.listing import LISTING_INDEX, Listing, ListingInfo, part_name
from genre_batch.errors import DamageFound, UserError
from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.object_file import ObjectFile
from genre_batch.verify.findings import Findings, Kind
from genre_batch.verify.output import Output, kind_of, reading
from genre_batch.verify.records import RunFiles

_PIECE_BYTES = 8 * 1024 * 1024

_Fault = tuple[Kind, str, str]


def check_listing(output: Output, plan: RunPlan, files: RunFiles, findings: Findings) -> Listing | None:
    """The listing of a run, if it is intact. Adds what is wrong with it; memory holds 8 MiB of it at a time."""
    faults = list(_faults(output, plan, files))
    for kind, name, fault in faults:
        tracks = 0 if kind is Kind.EXTRA else plan.tracks
        findings.add(kind, _path(plan, name), fault, tracks=tracks)
    if any(kind is not Kind.EXTRA for kind, _, _ in faults):
        return None
    try:
        return Listing(output.store, layout.listing_folder(output.root, plan.run_id))
    except UserError as error:
        findings.add(Kind.DAMAGED, _path(plan, LISTING_INDEX), str(error), tracks=plan.tracks)
        return None


def _faults(output: Output, plan: RunPlan, files: RunFiles) -> Iterator[_Fault]:
    try:
        data = output.read(_path(plan, LISTING_INDEX), missing="the index of the listing is missing")
        info = ListingInfo.model_validate_json(data)
    except DamageFound as damage:
        yield kind_of(damage), LISTING_INDEX, str(damage)
        return
    except ValueError:
        yield Kind.DAMAGED, LISTING_INDEX, "it is not the index of a listing"
        return
    if info.as_json() != data or plan.listing_sha256 not in (None, hashlib.sha256(data).hexdigest()):
        yield Kind.DAMAGED, LISTING_INDEX, "it is not the index that the plan names"
    parts = tuple(part_name(number) for number in range(-(-plan.tracks // info.file_rows)))
    if (info.tracks, info.size_bytes, info.files) != (plan.tracks, plan.size_bytes, parts):
        yield Kind.DAMAGED, LISTING_INDEX, "it does not agree with the plan"
    for extra in sorted(files.listing - {LISTING_INDEX, *parts}):
        yield Kind.EXTRA, extra, "not a part of the listing"
    hashes = dict(zip(info.files, info.sha256, strict=False))
    for name in parts:
        yield from _wrong_part(output, plan, name, hashes.get(name))


def _wrong_part(output: Output, plan: RunPlan, name: str, sha256: str | None) -> Iterator[_Fault]:
    try:
        with reading("a part of the listing is missing"):
            digest = _sha256(output, _path(plan, name))
    except DamageFound as damage:
        yield kind_of(damage), name, str(damage)
        return
    if sha256 not in (None, digest):
        yield Kind.DAMAGED, name, "the sha256 of this part is not the one in the index of the listing"


def _sha256(output: Output, path: str) -> str:
    digest, file = hashlib.sha256(), ObjectFile(output.store, output.uri(path))
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def _path(plan: RunPlan, name: str) -> str:
    return layout.run_path(plan.run_id, f"listing/{name}")
