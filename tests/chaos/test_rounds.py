"""Twelve rounds of `make chaos`: whatever is killed or cut, the table equals that of a run without faults."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from chaos.weather import Fault

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "chaos.py"
ROUNDS = 12
TRACKS = 300


@pytest.fixture(scope="module")
def figures() -> dict[str, object]:
    command = [sys.executable, str(PROGRAM), "--rounds", str(ROUNDS), "--tracks", str(TRACKS)]
    process = subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, text=True)
    try:
        stdout, _ = process.communicate()
    finally:
        # SIGTERM lets the program end its cluster first
        process.terminate()
        process.wait()
    found: dict[str, object] = json.loads(stdout)
    return found


def test_no_track_is_lost_or_scored_twice(figures: dict[str, object]) -> None:
    assert figures["failures"] == []
    assert (figures["rounds"], figures["tracks"]) == (ROUNDS, ROUNDS * TRACKS)
    wrong = {name: figures[name] for name in ("lost", "doubled", "differing", "false_rejects", "damage")}
    assert set(wrong.values()) == {0}, wrong


def test_every_fault_occurred_and_the_drivers_noticed(figures: dict[str, object]) -> None:
    faults, events = figures["faults"], figures["events"]
    assert isinstance(faults, dict)
    assert isinstance(events, dict)
    assert set(faults) == {fault.value for fault in Fault}
    assert figures["driver_starts"] == ROUNDS + faults[Fault.DRIVER.value]
    for kind in ("ActorLost blameless=True", "ActorLost blameless=False", "BlockLost"):
        assert events[kind] >= 1, events
