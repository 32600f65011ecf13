"""What `verify`, its repair and `gc` make of the serving table."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from outputs import write_run

from genre_batch.publish.gate import GateConfig
from genre_batch.publish.pointer import Published, read_published
from genre_batch.publish.publishing import PublishConfig, publish
from genre_batch.sink import layout
from genre_batch.storage.local import LocalStore
from genre_batch.verify.findings import Finding, Findings, Kind
from genre_batch.verify.leftovers import Leftovers
from genre_batch.verify.output import Output
from genre_batch.verify.repair import repair
from genre_batch.verify.serving_check import check_serving, damaged_step
from genre_batch.verify.verify_config import GcConfig


@pytest.fixture
def output(tmp_path: Path) -> Output:
    """Two publications, each with one serving file."""
    for day in range(2):
        write_run(LocalStore(), str(tmp_path), day, {(name, f"v{day}"): "rock" for name in "ab"})
        publish_all(tmp_path)
    return Output(LocalStore(), str(tmp_path))


def publish_all(folder: Path, **changes: object) -> None:
    publish(PublishConfig.model_validate({"output": str(folder), "rules": GateConfig(max_drift=1e9), **changes}))


def found(output: Output) -> list[Finding]:
    findings = Findings()
    check_serving(output, findings)
    return findings.kept


def newest(output: Output) -> Published:
    now = read_published(output.store, output.root)
    assert now is not None
    return now


def files(output: Output) -> list[Path]:
    return sorted(Path(output.root, "serving").rglob("*.parquet"))


def test_what_was_written_is_whole(output: Output, tmp_path: Path) -> None:
    assert found(output) == []
    assert len(files(output)) == 2
    assert found(Output(LocalStore(), str(tmp_path / "empty"))) == []


def test_damaged_and_missing_files_are_found_and_written_again(output: Output) -> None:
    first, second = files(output)
    rows = [pq.read_table(each).drop_columns("created_timestamp") for each in (first, second)]
    first.write_bytes(first.read_bytes()[:-1] + b"?")
    second.unlink()
    damage = found(output)
    assert [(each.kind, Path(output.root, each.path)) for each in damage] == [
        (Kind.MISSING, second),
        (Kind.DAMAGED, first),
    ]
    repair(output, damage)
    assert found(output) == []
    assert [pq.read_table(each).drop_columns("created_timestamp") for each in files(output)] == rows


def test_a_step_without_its_files_is_damage_only_if_a_later_one_has_them(output: Output, tmp_path: Path) -> None:
    now = newest(output)
    assert now.before
    record = Path(output.uri(layout.serving_record_path(now.before)))
    kept = record.read_bytes()
    record.unlink()
    [damage] = found(output)
    assert (damage.kind, damaged_step(damage)) == (Kind.MISSING, now.before)
    record.write_bytes(b"{}")
    [damage] = found(output)
    assert damage.kind is Kind.DAMAGED
    record.write_bytes(kept)
    Path(output.uri(layout.serving_record_path(now.step))).unlink()
    [information] = found(output)
    assert information.kind is Kind.UNCOMMITTED
    publish_all(tmp_path)
    assert found(output) == []


def test_files_of_no_step_are_extra_and_collected(output: Output) -> None:
    stray = files(output)[0].with_name("00000001-00000000-00000.parquet")
    stray.write_bytes(b"")
    assert [(each.kind, each.path) for each in found(output)] == [(Kind.EXTRA, output.path(str(stray)))]
    later = datetime.now(UTC) + timedelta(days=2)
    left = Leftovers(output, GcConfig(output=output.root), later).find()
    assert [each.path for each in left] == [output.path(str(stray))]
    newer = stray.with_name("00000003-00000000-00000.parquet")
    stray.rename(newer)
    assert found(output) == []


def test_without_the_pointer_or_a_step_no_file_is_extra(output: Output) -> None:
    now = newest(output)
    assert now.before
    Path(output.uri(layout.published_step_path(now.before))).unlink()
    assert [each.kind for each in found(output)] == [Kind.MISSING]
    Path(output.uri(layout.PUBLISHED)).unlink()
    assert [(each.kind, each.path) for each in found(output)] == [(Kind.MISSING, layout.PUBLISHED)]
