from pathlib import Path

from genre_batch.sink import layout
from genre_batch.sink.plan import RunPlan
from genre_batch.storage.local import LocalStore
from genre_batch.verify.run_files import run_files


def test_what_lies_in_the_folder_of_a_run(output: Path, runs: tuple[RunPlan, RunPlan]) -> None:
    run_id = runs[0].run_id
    for name in (
        "notes.txt",
        "commits/x.json",
        "commits/sub/00000001.json",
        "damaged/scores/a",
        "staged/b",
        "report.html",
    ):
        path = output / layout.run_path(run_id, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    files = run_files(LocalStore(), str(output), run_id)
    assert files.records == {"plan.json", "manifest.json", "config.yaml", "report.json"}
    assert files.listing == {"listing.json", "part-00000.parquet", "part-00001.parquet", "part-00002.parquet"}
    assert files.shards == set(range(4))
    assert files.strangers == [layout.run_path(run_id, "notes.txt")]
    assert files.stray_markers == [
        layout.run_path(run_id, name) for name in ("commits/sub/00000001.json", "commits/x.json")
    ]
    assert [found.uri.rsplit("/", 1)[-1] for found in files.quarantined] == ["a"]
    assert [found.uri.rsplit("/", 1)[-1] for found in files.staged] == ["b"]
    assert files.worked_on


def test_a_run_that_is_not_there() -> None:
    assert not run_files(LocalStore(), "/nowhere", "20261121T065212Z-3f09ab").worked_on
