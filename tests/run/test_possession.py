"""One driver at a time works on a run: against a folder, moto and Ceph's gateway."""

import os
import subprocess
import sys
import threading

import pytest
from sink.shard_rows import RUN_ID, make_plan

from genre_batch.errors import UserError
from genre_batch.run import possession
from genre_batch.run.possession import Possession, possession_of, this_driver
from genre_batch.run.progress import Progress
from genre_batch.sink import layout
from genre_batch.sink.heartbeat import Heartbeat, read_heartbeat, swap_heartbeat
from genre_batch.storage.store import Store

Place = tuple[Store, str]
PLAN = make_plan(100)


def state(place: Place) -> Heartbeat:
    found = read_heartbeat(*place, RUN_ID)
    assert found is not None
    return found[0]


def pretend(place: Place, **driver: object) -> Heartbeat:
    """The run was left by another driver that never said it stopped."""
    found = read_heartbeat(*place, RUN_ID)
    assert found is not None
    other = found[0].model_copy(
        update={"state": "working", "by": this_driver().model_copy(update={"driver": "other", **driver})}
    )
    assert swap_heartbeat(*place, other, found[1])
    return other


def test_a_heartbeat_says_who_is_how_far_and_how_it_ended(place: Place) -> None:
    with possession_of(*place, PLAN) as mine:
        progress = Progress("working", 60, 0)
        mine.report(progress, 40)
        progress.add(30, 0)
        mine.beat()
        now = state(place)
        assert (now.state, now.tracks, now.of, now.by.pid) == ("working", 70, 100, os.getpid())
    assert (state(place).state, state(place).error) == ("finished", "")
    mine.beat()
    assert state(place).state == "finished"
    with pytest.raises(UserError), possession_of(*place, PLAN):
        raise UserError("no space left")
    assert (state(place).state, state(place).error) == ("stopped", "no space left")


def test_a_second_driver_sees_a_live_one_and_stops(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(possession, "_BEAT_EVERY_S", 0.05)
    with (
        possession_of(*place, PLAN),
        pytest.raises(UserError, match=rf"{RUN_ID} .* is in progress on .*process {os.getpid()}"),
        possession_of(*place, PLAN),
    ):
        pass
    assert state(place).state == "finished"


def test_a_process_that_died_here_is_replaced_at_once(place: Place) -> None:
    with possession_of(*place, PLAN):
        pass
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    pretend(place, pid=gone.pid)
    with possession_of(*place, PLAN):
        assert state(place).by.pid == os.getpid()
    pretend(place, pid_since_s=0.0)
    with possession_of(*place, PLAN):
        assert state(place).by.driver != "other"


def test_a_driver_elsewhere_that_stays_silent_is_replaced(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(possession, "_DEAD_AFTER_S", 0.2)
    monkeypatch.setattr(possession, "_LOOK_EVERY_S", 0.05)
    with possession_of(*place, PLAN):
        pass
    pretend(place, machine="elsewhere", host="spot-7")
    with possession_of(*place, PLAN):
        assert state(place).by.host != "spot-7"


def test_a_driver_that_was_replaced_finds_out_and_leaves_the_run_alone(place: Place) -> None:
    with possession_of(*place, PLAN) as mine:
        mine.check()
        other = pretend(place, host="spot-7")
        mine.beat()
        with pytest.raises(UserError, match="taken over by spot-7"):
            mine.check()
    assert state(place) == other


def test_of_many_drivers_that_start_at_once_one_gets_the_run(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(possession, "_BEAT_EVERY_S", 0.05)
    monkeypatch.setattr(possession, "_LOOK_EVERY_S", 0.05)
    everyone, got, refused = threading.Barrier(4), list[str](), list[str]()
    all_others_refused = threading.Event()

    def start() -> None:
        everyone.wait()
        try:
            with possession_of(*place, PLAN):
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


def test_a_damaged_heartbeat_does_not_block(place: Place) -> None:
    place[0].write(layout.at(place[1], layout.heartbeat_path(RUN_ID)), b"{")
    with possession_of(*place, PLAN):
        assert state(place).state == "working"
    assert Possession(*place, PLAN) is not None
