from pathlib import Path

import pytest

from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore
from genre_batch.verify.findings import Findings
from genre_batch.verify.listing_check import check_listing
from genre_batch.verify.output import Output
from genre_batch.verify.records import run_files


def kinds(output: Path, plan: RunPlan) -> tuple[list[str], bool]:
    checked, findings = Output(LocalStore(), str(output)), Findings()
    listing = check_listing(checked, plan, run_files(checked, plan.run_id), findings)
    return [f"{finding.kind} {finding.path.rsplit('/', 1)[-1]}" for finding in findings.kept], listing is not None


def test_a_whole_listing(output: Path, runs: tuple[RunPlan, RunPlan]) -> None:
    assert kinds(output, runs[0]) == ([], True)


@pytest.mark.parametrize(
    ("name", "data", "found", "usable"),
    [
        ("part-00001.parquet", None, ["missing part-00001.parquet"], False),
        ("part-00001.parquet", b"PAR1", ["damaged part-00001.parquet"], False),
        ("listing.json", None, ["missing listing.json"], False),
        ("listing.json", b"{}", ["damaged listing.json"], False),
        ("part-00009.parquet", b"PAR1", ["extra part-00009.parquet"], True),
    ],
)
def test_a_damaged_listing(
    name: str, data: bytes | None, found: list[str], usable: bool, output: Path, runs: tuple[RunPlan, RunPlan]
) -> None:
    path = output / layout.run_path(runs[0].run_id, f"listing/{name}")
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    assert kinds(output, runs[0]) == (found, usable)


def test_an_index_without_the_hash_of_an_older_plan(output: Path, runs: tuple[RunPlan, RunPlan]) -> None:
    older = runs[0].model_copy(update={"listing_sha256": None})
    assert kinds(output, older) == ([], True)
    path = output / layout.run_path(runs[0].run_id, "listing/listing.json")
    path.write_text(path.read_text().replace('"tracks": 15', '"tracks": 14'))
    assert kinds(output, older)[0][0] == "damaged listing.json"
