"""One driver at a time works on a run: against a folder, moto and Ceph's gateway."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from s3_server import S3Server
from sink.shard_rows import RUN_ID, make_plan

from genre_batch.errors import UserError
from genre_batch.run import possession
from genre_batch.run.possession import Possession, possession_of, this_driver
from genre_batch.run.progress import Progress
from genre_batch.sink import layout
from genre_batch.sink.heartbeat import Heartbeat, read_heartbeat, swap_heartbeat
from genre_batch.storage.local import LocalStore
from genre_batch.storage.open_store import open_store
from genre_batch.storage.store import Store

Table = tuple[Store, str]
PLAN = make_plan(100)


@pytest.fixture(params=["local", "s3", pytest.param("radosgw", marks=pytest.mark.radosgw)])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Table:
    if request.param == "local":
        return LocalStore(), str(tmp_path / "table")
    if request.param == "radosgw":
        server: S3Server = request.getfixturevalue("radosgw")
        return open_store("s3://x"), f"s3://{server.new_bucket()}/table"
    return open_store("s3://x"), f"s3://{request.getfixturevalue('bucket')}/table"


def state(table: Table) -> Heartbeat:
    found = read_heartbeat(*table, RUN_ID)
    assert found is not None
    return found[0]


def pretend(table: Table, **driver: object) -> Heartbeat:
    """The run was left by another driver that never said it stopped."""
    found = read_heartbeat(*table, RUN_ID)
    assert found is not None
    other = found[0].model_copy(
        update={"state": "working", "by": this_driver().model_copy(update={"driver": "other", **driver})}
    )
    assert swap_heartbeat(*table, other, found[1])
    return other


def test_a_heartbeat_says_who_is_how_far_and_how_it_ended(table: Table) -> None:
    with possession_of(*table, PLAN) as mine:
        progress = Progress("working", 60, 0)
        mine.report(progress, 40)
        progress.add(30, 0)
        mine.beat()
        now = state(table)
        assert (now.state, now.tracks, now.of, now.by.pid) == ("working", 70, 100, os.getpid())
    assert (state(table).state, state(table).error) == ("finished", "")
    mine.beat()
    assert state(table).state == "finished"
    with pytest.raises(UserError), possession_of(*table, PLAN):
        raise UserError("no space left")
    assert (state(table).state, state(table).error) == ("stopped", "no space left")


def test_a_second_driver_sees_a_live_one_and_stops(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(possession, "_BEAT_EVERY_S", 0.05)
    with (
        possession_of(*table, PLAN),
        pytest.raises(UserError, match=rf"{RUN_ID} .* is at work on .*process {os.getpid()}"),
        possession_of(*table, PLAN),
    ):
        pass
    assert state(table).state == "finished"


def test_a_process_that_died_here_is_replaced_at_once(table: Table) -> None:
    with possession_of(*table, PLAN):
        pass
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    pretend(table, pid=gone.pid)
    with possession_of(*table, PLAN):
        assert state(table).by.pid == os.getpid()
    pretend(table, pid_since_s=0.0)
    with possession_of(*table, PLAN):
        assert state(table).by.driver != "other"


def test_a_driver_elsewhere_that_stays_silent_is_replaced(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(possession, "_DEAD_AFTER_S", 0.2)
    monkeypatch.setattr(possession, "_LOOK_EVERY_S", 0.05)
    with possession_of(*table, PLAN):
        pass
    pretend(table, machine="elsewhere", host="spot-7")
    with possession_of(*table, PLAN):
        assert state(table).by.host != "spot-7"


def test_a_driver_that_was_replaced_finds_out_and_leaves_the_run_alone(table: Table) -> None:
    with possession_of(*table, PLAN) as mine:
        mine.check()
        other = pretend(table, host="spot-7")
        mine.beat()
        with pytest.raises(UserError, match="taken over by spot-7"):
            mine.check()
    assert state(table) == other


def test_of_many_drivers_that_start_at_once_one_gets_the_run(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(possession, "_BEAT_EVERY_S", 0.05)
    monkeypatch.setattr(possession, "_LOOK_EVERY_S", 0.05)
    everyone, got, refused = threading.Barrier(4), list[str](), list[str]()
    all_others_refused = threading.Event()

    def start() -> None:
        everyone.wait()
        try:
            with possession_of(*table, PLAN):
                got.append("one")
                all_others_refused.wait(300)
        except UserError as error:
            refused.append(str(error))
            if len(refused) == 3:
                all_others_refused.set()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 3)


def test_a_damaged_heartbeat_does_not_block(table: Table) -> None:
    table[0].write(layout.at(table[1], layout.heartbeat_path(RUN_ID)), b"{")
    with possession_of(*table, PLAN):
        assert state(table).state == "working"
    assert Possession(*table, PLAN) is not None
