"""Staged parts that the next driver would fail on, or would commit with the wrong tracks."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sink.table_facts import check_shards
from sink.test_tables import FRONT_END, described
from verify.outputs import finished_run, outcome, plan_run, tracks_of

from genre_batch.catalog.track import Track
from genre_batch.errors import DamageFound
from genre_batch.sink import layout
from genre_batch.sink.layout import repair_hint
from genre_batch.sink.ledger import Ledger
from genre_batch.sink.part_ledger import PartLedger
from genre_batch.sink.plan import RunPlan
from genre_batch.sink.schema import RejectedTrack, ScoredTrack
from genre_batch.sink.tables import features_maker
from genre_batch.storage.local import LocalStore
from genre_batch.verify.repair import verify_and_repair
from genre_batch.verify.verification import VerifyReport, verify
from genre_batch.verify.verify_config import VerifyConfig

TRACKS = tracks_of(range(20, 40))


def carry_out(output: Path, plan: RunPlan, tracks: list[Track], most: int = 100) -> None:
    """What the pipeline does without audio, for at most `most` parts."""
    store = LocalStore()
    ledger = PartLedger(store, str(output), plan, Ledger(store, str(output), plan))
    for part in ledger.take_up()[:most]:
        rows = [outcome(track) for track in tracks[part.start : part.stop]]
        scored = [row for row in rows if isinstance(row, ScoredTrack)]
        ledger.commit(part, scored, [row for row in rows if isinstance(row, RejectedTrack)])


@pytest.fixture
def parted(output: Path) -> RunPlan:
    """An unfinished run in `output` with shards of 4 tracks in parts of 2: a whole shard, then a staged part."""
    plan = plan_run(LocalStore(), str(output), TRACKS, day=2, part_tracks=2)
    carry_out(output, plan, TRACKS, most=3)
    return plan


def staged(output: Path, plan: RunPlan) -> list[Path]:
    return sorted((output / layout.staged_folder(plan.run_id)).glob("*.parquet"))


def damage(output: Path) -> list[tuple[str, str]]:
    findings = verify(VerifyConfig(output=str(output))).findings
    return [(str(finding.kind), finding.path.rsplit("/", 1)[-1]) for finding in findings if finding.is_damage]


def repaired(output: Path) -> VerifyReport:
    return verify_and_repair(VerifyConfig(output=str(output), repair=True))


def test_whole_parts_are_not_damage(output: Path, parted: RunPlan) -> None:
    assert len(staged(output, parted)) == 1
    assert damage(output) == []


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def edited(change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    def injure(path: Path) -> None:
        table = pq.read_table(path)
        pq.write_table(change(table).cast(table.schema), path, write_page_checksum=True)

    return injure


def other_tracks(table: pa.Table) -> pa.Table:
    others = pc.binary_join_element_wise(table["track_id"], pa.scalar("x"), "")
    return table.set_column(0, table.field("track_id"), others)


def other_etags(table: pa.Table) -> pa.Table:
    place = table.column_names.index("etag")
    return table.set_column(place, table.field("etag"), pa.array(["v9"] * table.num_rows))


@pytest.mark.parametrize(
    "injure", [cut, edited(other_tracks), edited(other_etags), edited(lambda table: table.slice(1))]
)
def test_a_part_with_other_rows_is_moved_away_and_done_again(
    injure: Callable[[Path], None], output: Path, parted: RunPlan
) -> None:
    (path,) = staged(output, parted)
    injure(path)
    bad = path.read_bytes()
    assert damage(output) == [("damaged", path.name)]
    report = repaired(output)
    assert report.repair is not None
    assert (report.damage, report.repair.hopeless) == (0, ())
    assert [(output / moved).read_bytes() for moved in report.repair.moved] == [bad]
    carry_out(output, parted, TRACKS)
    shards = [TRACKS[start : start + 4] for start in range(0, 20, 4)]
    assert len(check_shards(LocalStore(), str(output), parted, shards)) == 5


def test_swapped_parts_are_found_and_never_committed(output: Path) -> None:
    plan = plan_run(LocalStore(), str(output), TRACKS, day=2, part_tracks=2)
    for number in (0, 2):  # the first part of each of two shards
        store = LocalStore()
        ledger = PartLedger(store, str(output), plan, Ledger(store, str(output), plan))
        part = next(part for part in ledger.take_up() if part.index == number)
        rows = [outcome(track) for track in TRACKS[part.start : part.stop]]
        rejected = [row for row in rows if isinstance(row, RejectedTrack)]
        ledger.commit(part, [row for row in rows if isinstance(row, ScoredTrack)], rejected)
    one, other = staged(output, plan)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    with pytest.raises(DamageFound, match="these rows of the listing") as found:
        carry_out(output, plan, TRACKS)
    assert found.value.hint == repair_hint(str(output))
    assert Ledger(LocalStore(), str(output), plan).shards() == set()
    assert damage(output) == [("damaged", one.name), ("damaged", other.name)]
    assert not repaired(output).damage
    carry_out(output, plan, TRACKS)
    assert not verify(VerifyConfig(output=str(output))).damage


def test_what_is_not_a_part_of_the_run_is_extra(output: Path, parted: RunPlan) -> None:
    (path,) = staged(output, parted)
    for name in ("notes.txt", "000000000001-000000000003.parquet"):
        shutil.copy(path, path.with_name(name))
    assert damage(output) == [("extra", "000000000001-000000000003.parquet"), ("extra", "notes.txt")]
    assert not repaired(output).damage
    assert staged(output, parted) == [path]


def test_parts_of_committed_shards_are_not_read_any_more(output: Path, parted: RunPlan) -> None:
    (output / layout.staged_path(parted.run_id, 0, 2)).write_bytes(b"left by a driver that may not delete")
    assert damage(output) == []


def test_parts_of_features(output: Path) -> None:
    """Rows are segments, and descriptors name themselves."""
    tracks = [described(number, 2).track for number in range(8)]
    changes = {"answers": "features", "model_id": "descriptors-1"}
    plan = plan_run(LocalStore(), str(output), tracks, day=2, part_tracks=2, **changes)
    store = LocalStore()
    ledger = Ledger(store, str(output), plan, features_maker(FRONT_END))
    PartLedger(store, str(output), plan, ledger).commit(plan.parts[0], [described(0, 2), described(1, 3)], [])
    assert damage(output) == []
    edited(other_etags)(staged(output, plan)[0])
    assert [kind for kind, _ in damage(output)] == ["damaged"]


def test_a_run_without_parts_has_nothing_to_check(output: Path) -> None:
    finished_run(LocalStore(), str(output), TRACKS, day=2)
    assert damage(output) == []
