"""Twenty rounds of `make chaos`: whatever is killed or cut, the table is that of a run without a fault."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from chaos.weather import Fault

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "chaos.py"
ROUNDS = 20
TRACKS = 300


@pytest.fixture(scope="module")
def figures() -> dict[str, object]:
    command = [sys.executable, str(PROGRAM), "--rounds", str(ROUNDS), "--tracks", str(TRACKS)]
    process = subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, text=True)
    try:
        stdout, _ = process.communicate()
    finally:
        # it ends its cluster first
        process.terminate()
        process.wait()
    found: dict[str, object] = json.loads(stdout)
    return found


def test_nothing_is_lost_and_nothing_comes_twice(figures: dict[str, object]) -> None:
    assert figures["failures"] == []
    assert (figures["rounds"], figures["tracks"]) == (ROUNDS, ROUNDS * TRACKS)
    wrong = {name: figures[name] for name in ("lost", "doubled", "differing", "false_rejects", "damage")}
    assert set(wrong.values()) == {0}, wrong


def test_every_fault_struck_and_was_felt(figures: dict[str, object]) -> None:
    faults, heard = figures["faults"], figures["heard"]
    assert isinstance(faults, dict)
    assert isinstance(heard, dict)
    assert set(faults) == {fault.value for fault in Fault}
    assert figures["driver_starts"] == ROUNDS + faults[Fault.DRIVER.value]
    for kind in ("ActorLost blameless=True", "ActorLost blameless=False", "BlockLost"):
        assert heard[kind] >= 1, heard
