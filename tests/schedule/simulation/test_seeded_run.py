"""Thousands of seeds, none of which may find a fault, and planted faults, each of which a seed must find."""

import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from genre_batch.schedule import coordinator
from genre_batch.schedule.coordinator import Coordinator
from genre_batch.schedule.simulation.seeded_run import SeedFailed, run_seed

ROOT = Path(__file__).parents[3]
SEEDS, CHUNK = 4000, 500
PLANTED_FOUND_WITHIN = 300

PLANTED = {
    "a batch whose block is lost is not sent again": (
        "        self._to_extract.appendleft(replace(work, block=None))\n",
        "",
    ),
    "the batches of an actor that was lost are not sent again": (
        "            self._requeue(work)\n        if not works",
        "            pass\n        if not works",
    ),
    "a call that raised is not tried again": ("self._try_again(work, message) if work else []", "[]"),
    "a shard is committed with a missing batch": (
        "if self._tracks_left[shard] == 0:",
        "if self._tracks_left[shard] <= 1:",
    ),
    "a split loses its last track": (
        "for row in range(batch.start, batch.stop)]",
        "for row in range(batch.start, batch.stop - 1)]",
    ),
    "a shard is skipped": (
        "self._next_shard = next(self._shards, None)\n        self._tracks_left",
        "self._next_shard = next(self._shards, None) and next(self._shards, None)\n        self._tracks_left",
    ),
    "preemptions are counted as attempts": ("machine if blameless else None", "None"),
    "crashes are counted as preemptions": ("machine if blameless else None", "machine"),
    "all that an actor held is blamed": (
        "for work in reversed(works[1:]):\n            self._requeue(work)\n",
        "for work in works[1:]:\n            self._try_again(work, message)\n",
    ),
    "the newest call is blamed": (
        "for work in reversed(works[1:]):",
        "for work in reversed((works := works[::-1])[1:]):",
    ),
    "nothing is ever blamed": ("return self._try_again(works[0], message)", "return self._requeue(works[0]) or []"),
    "machines are never counted": ("work.machines | {machine}", "work.machines"),
    "each dead actor of a machine is counted": (
        "work.machines | {machine}",
        "work.machines | {f'{machine} {len(work.machines)}'}",
    ),
    "one machine too many": (
        "if lost < self._limits.machines:",
        "if lost <= self._limits.machines:",
    ),
    "one machine too few": (
        "if lost < self._limits.machines:",
        "if lost + 1 < self._limits.machines:",
    ),
    "a batch that lost machines is given up as a whole": ("if work.aside:", "if work:"),
    "a track set aside is never given up": ("if work.aside:", "if not work:"),
    "what is set aside is forgotten": ("self._set_aside.extend(", "list("),
    "a track set aside is tried beside others": ("or self._calls) and", "or False) and"),
    "a track set aside is tried before the last shard": (
        "if self._next_shard is None and not (self._to",
        "if not (self._to",
    ),
    "a track set aside is tried while blocks wait": (
        "(self._to_extract or self._to_predict or",
        "(self._to_extract or",
    ),
    "a silent actor is never stopped": ("commands = self._on_deadline(actor)", "commands = []"),
    "a silent actor is stopped and its batches forgotten": (
        "[StopActor(actor, role), *self._on_actor_lost(actor, message, None)]",
        "[StopActor(actor, role)]",
    ),
    "one attempt too many": (
        "if tried.attempts < self._limits.attempts:",
        "if tried.attempts <= self._limits.attempts:",
    ),
    "one attempt too few": (
        "if tried.attempts < self._limits.attempts:",
        "if tried.attempts + 1 < self._limits.attempts:",
    ),
    "a batch is given up as a whole": ("if work.alone:", "if work:"),
    "a split track inherits the attempts of its batch": ("stop=row + 1), alone", "stop=row + 1), work.attempts, alone"),
    "a track that was planned alone is given up earlier": (
        "if work.alone:",
        "if work.alone or work.batch.stop - work.batch.start == 1:",
    ),
    "the block of a late answer leaks": ("[ForgetBlock(call)]", "[]"),
    "an answer that comes twice frees a block in use": (
        "[] if call in self._blocks else [ForgetBlock(call)]",
        "[ForgetBlock(call)]",
    ),
    "the block of a finished batch leaks": ("commands = self._forget(work)\n", "commands: list[Command] = []\n"),
    "a lost block is predicted": ("replace(work, block=None)", "work"),
    "a block is extracted again": ("self._to_extract if work.block is None else self._to_predict", "self._to_extract"),
    "a batch without segments goes to the model": ("if scorable == 0:", "if scorable < 0:"),
    "an actor that is ready twice is taken for two": ("if self._role(actor) is None:", "if actor >= 0:"),
    "an actor gets one call too many": ("Pool(limits.calls_per_actor)", "Pool(limits.calls_per_actor + 1)"),
    "a place is never free again": ("        self._pools[role].release(actor, call)\n", ""),
    "one block too many waits": ("len(self._to_predict) < self._limits", "len(self._to_predict) <= self._limits"),
    "commits pile up": ("len(self._committing) < self._limits.commits", "self._limits"),
    "the run ends before the last commit": (" and not self._committing\n", "\n"),
    "the run ends before the last shard": ("self._next_shard is None and ", ""),
    "a commit is never over": ("self._committing.discard(shard)", "pass"),
}


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_seed_finds_a_fault(first: int) -> None:
    passed = [run_seed(seed) for seed in range(first, first + CHUNK)]
    heard = sum((run.heard for run in passed), Counter[str]())
    assert min(heard[kind] for kind in ("ActorLost", "BlockLost", "CallFailed", "DeadlinePassed")) > CHUNK / 10, heard
    assert sum(run.deaths > 0 for run in passed) > CHUNK / 5
    assert sum(run.given_up > 0 for run in passed) > CHUNK / 5
    assert sum(run.heard.total() > 2 * run.tracks for run in passed) > CHUNK / 20


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found_by_a_seed(fault: str) -> None:
    planted = with_fault(*PLANTED[fault])
    assert any(not passes(seed, planted) for seed in range(PLANTED_FOUND_WITHIN))


def test_a_copy_without_a_fault_passes() -> None:
    copy = with_fault("attempts", "attempts")
    assert all(passes(seed, copy) for seed in range(PLANTED_FOUND_WITHIN))


def test_a_seed_always_runs_the_same_way() -> None:
    first, second = list(traced(7)), list(traced(7))
    assert len(first) > 50
    assert first == second
    assert first != list(traced(8))


def test_a_failing_seed_says_how_to_replay_it() -> None:
    planted = with_fault(*PLANTED["a silent actor is never stopped"])
    seed = next(seed for seed in itertools.count() if not passes(seed, planted))
    with pytest.raises(SeedFailed, match=rf"RuleBroken(.|\n)*python benchmarks/simulate.py --replay {seed} --trace$"):
        run_seed(seed, build=planted)


def test_a_replay_prints_each_event_and_command() -> None:
    command = [sys.executable, "benchmarks/simulate.py", "--replay", "7", "--trace"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split(" s  ", 1)[1] for line in done.stderr.splitlines()] == [what for _, what in traced(7)]
    assert '"tracks"' in done.stdout


def with_fault(right: str, wrong: str) -> type[Coordinator]:
    """The coordinator's class from a source in which `right` became `wrong`."""
    assert coordinator.__file__ is not None
    source = Path(coordinator.__file__).read_text(encoding="utf-8")
    assert right in source
    module = ModuleType("planted")
    sys.modules["planted"] = module
    exec(compile(source.replace(right, wrong), "planted.py", "exec"), module.__dict__)
    planted: type[Coordinator] = module.Coordinator
    return planted


def passes(seed: int, planted: type[Coordinator]) -> bool:
    try:
        run_seed(seed, build=planted)
    except SeedFailed:
        return False
    return True


def traced(seed: int) -> Iterator[tuple[float, str]]:
    seen: list[tuple[float, str]] = []
    run_seed(seed, trace=lambda at_s, what: seen.append((at_s, what)))
    yield from seen
