"""A driver is killed with SIGKILL before each of its writes and started again: the table is that of an unbroken run."""

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sink.drive import drive, seventh_is_bad
from sink.killed_driver import TRACKS
from sink.memory_store import MemoryStore
from sink.shard_rows import PLANNED_AT, make_tracks
from sink.table_facts import everything, visible_tracks

from genre_batch.storage.store import Store

ROOT = Path(__file__).parents[2]
PUBLISHING = 3
"""Writes until the run is planned: listing, plan, head."""
WRITES = PUBLISHING + 5 * 2 + 1 + 2
"""Then scores and marker of 5 shards, one of them with rejects; manifest and latest pointer."""
NEXT_DAY = PLANNED_AT + timedelta(days=1)


def drive_and_die(output: str, writes: int) -> bool:
    """Run a driver that is killed instead of its write number `writes` (from 0); False if it finished before."""
    command = [sys.executable, str(Path(__file__).with_name("killed_driver.py")), output, str(writes)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    code = subprocess.run(command, env=environment, timeout=300, check=False).returncode
    assert code in (0, -signal.SIGKILL)
    return code != 0


def start(store: Store, output: str, now: datetime) -> None:
    drive(store, output, make_tracks(TRACKS), seventh_is_bad, now, iter([b"\0\0\2" if now == NEXT_DAY else b"\0\0\1"]))


def unbroken(now: datetime) -> dict[str, bytes]:
    store = MemoryStore()
    start(store, "/table", now)
    return everything(store, "/table")


LOCAL = [("local", writes) for writes in range(WRITES + 1)]
S3 = [("s3", writes) for writes in (9, 10, 11, 12, 14, 15)]
"""Before scores, rejects, marker, the next shard, manifest and latest pointer."""


@pytest.mark.slow
@pytest.mark.parametrize(("table", "writes"), LOCAL + S3, indirect=["table"])
def test_a_killed_driver_is_resumed(table: tuple[Store, str], writes: int) -> None:
    assert drive_and_die(table[1], writes) == (writes < WRITES)
    start(*table, NEXT_DAY)
    found = everything(*table)
    if writes < PUBLISHING:
        # nothing was scored yet: it is the next day's run, beside what the killed one had begun to plan
        found = {path: data for path, data in found.items() if not path.startswith("_runs/20261121T065212Z-")}
        assert found == unbroken(NEXT_DAY)
    else:
        assert found == unbroken(PLANNED_AT)
    assert visible_tracks(*table) == [track.track_id for track in make_tracks(TRACKS)]


@pytest.mark.slow
@pytest.mark.parametrize("table", ["local"], indirect=True)
def test_a_driver_that_is_killed_again_and_again_finishes(table: tuple[Store, str]) -> None:
    """Three writes are one shard with rejects, so each start gets one shard further."""
    starts = 1
    while drive_and_die(table[1], 3):
        starts += 1
        assert starts <= 10
    assert starts > 5
    assert everything(*table) == unbroken(PLANNED_AT)
