"""No seed of thousands may find a fault in the coordinator, and some seed must find each planted fault."""

import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from simulation.seeded_run import SeedFailed, run_seed

from genre_batch.schedule import coordinator
from genre_batch.schedule.coordinator import Coordinator

ROOT = Path(__file__).parents[2]
SEEDS, CHUNK = 4000, 500
PLANTED_FOUND_WITHIN = 300

PLANTED = {
    "a batch is not resent when its block is lost": (
        "        self._queues[0].appendleft(replace(task, stage=0, block=None))\n",
        "",
    ),
    "the batches of a lost actor are not resent": (
        "            self._requeue(task)\n        if not tasks",
        "            pass\n        if not tasks",
    ),
    "a call that raised is not retried": ("self._try_again(task, message, blames) if task else []", "[]"),
    "a part is committed without its last batch": (
        "if self._tracks_left[part] == 0:",
        "if self._tracks_left[part] <= 1:",
    ),
    "a split loses its last track": (
        "for row in range(batch.start, batch.stop)]",
        "for row in range(batch.start, batch.stop - 1)]",
    ),
    "a part is skipped": (
        "self._next_part = next(self._parts, None)\n            self._tracks_left",
        "self._next_part = next(self._parts, None) and next(self._parts, None)\n            self._tracks_left",
    ),
    "preemptions are counted as attempts": ("machine if blameless else None", "None"),
    "crashes are counted as preemptions": ("machine if blameless else None", "machine"),
    "all batches of a lost actor are blamed": (
        "for task in reversed(tasks[1:]):\n            self._requeue(task)\n",
        "for task in tasks[1:]:\n            self._try_again(task, message)\n",
    ),
    "the newest call is blamed": (
        "for task in reversed(tasks[1:]):",
        "for task in reversed((tasks := tasks[::-1])[1:]):",
    ),
    "no batch is ever blamed": ("return self._try_again(tasks[0], message)", "return self._requeue(tasks[0]) or []"),
    "lost machines are never counted": ("task.machines | {machine}", "task.machines"),
    "each dead actor of a machine counts as a machine": (
        "task.machines | {machine}",
        "task.machines | {f'{machine} {len(task.machines)}'}",
    ),
    "one machine too many": (
        "if lost < self._limits.machines:",
        "if lost <= self._limits.machines:",
    ),
    "one machine too few": (
        "if lost < self._limits.machines:",
        "if lost + 1 < self._limits.machines:",
    ),
    "a batch that lost machines is rejected as a whole": ("if task.aside:", "if task:"),
    "a track set aside is never rejected": ("if task.aside:", "if not task:"),
    "tracks set aside are forgotten": ("self._set_aside.extend(", "list("),
    "a track set aside runs beside others": ("not self._calls and not any", "not any"),
    "a track set aside runs before the last part": (
        "if self._next_part is None and self._set_aside",
        "if self._set_aside",
    ),
    "a track set aside runs while blocks wait": (
        "not any(self._queues)",
        "not self._queues[0]",
    ),
    "a silent actor is never stopped": ("commands = self._on_deadline(actor)", "commands = []"),
    "the batches of a stopped actor are forgotten": (
        "[StopActor(actor), *self._on_actor_lost(actor, message, None)]",
        "[StopActor(actor)]",
    ),
    "one attempt too many": (
        "if tried.attempts < self._limits.attempts:",
        "if tried.attempts <= self._limits.attempts:",
    ),
    "one attempt too few": (
        "if tried.attempts < self._limits.attempts:",
        "if tried.attempts + 1 < self._limits.attempts:",
    ),
    "a batch is rejected as a whole": ("if task.alone:", "if task:"),
    "a split track inherits the attempts of its batch": (
        "stop=row + 1), alone",
        "stop=row + 1), attempts=task.attempts, alone",
    ),
    "a batch of one track is rejected too early": (
        "if task.alone:",
        "if task.alone or task.batch.stop - task.batch.start == 1:",
    ),
    "the block of a late answer leaks": ("[ForgetBlock(call)]", "[]"),
    "a repeated answer frees a block in use": (
        "[] if call in self._blocks else [ForgetBlock(call)]",
        "[ForgetBlock(call)]",
    ),
    "the block of a finished batch leaks": ("commands = self._forget(task)\n", "commands: list[Command] = []\n"),
    "a lost block is predicted": ("replace(task, stage=0, block=None)", "task"),
    "a block is extracted again": (
        "self._queues[task.stage].appendleft(task)",
        "self._queues[0].appendleft(replace(task, stage=0))",
    ),
    "a batch without segments goes to the model": ("if remaining == 0:", "if remaining < 0:"),
    "an actor that reports ready twice counts as two": ("if self._stage(actor) is None:", "if actor >= 0:"),
    "an actor gets one call too many": ("ActorPool(limits.calls_per_actor)", "ActorPool(limits.calls_per_actor + 1)"),
    "a call's slot is never released": ("        self._pools[task.stage].release(actor, call)\n", ""),
    "one block too many waits": ("len(self._queues[following]) < most", "len(self._queues[following]) <= most"),
    "commits are not limited": ("len(self._committing) < self._limits.commits", "self._limits"),
    "the run ends before the last commit": (" and not self._committing\n", "\n"),
    "the run ends before the last part": ("self._next_part is None and ", ""),
    "work begins after the time is up": (" + self._put_off() + self._send()", " + self._send() + self._put_off()"),
    "after the time is up a lost block is waited for": ("(stage == 0 or not len(self._pools[stage]))", "stage == 0"),
    "work in hand is put off": ("(stage == 0 or not len(self._pools[stage]))", "self._pools"),
    "a block that is put off leaks": (
        "*self._finish(task)]\n        return",
        "*self._finish(replace(task, block=None))]\n        return",
    ),
    "a commit never ends": ("self._committing.discard(part)", "pass"),
}


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_seed_finds_a_fault(first: int) -> None:
    passed = [run_seed(seed) for seed in range(first, first + CHUNK)]
    events = sum((run.events for run in passed), Counter[str]())
    assert min(events[kind] for kind in ("ActorLost", "BlockLost", "CallFailed", "DeadlinePassed")) > CHUNK / 10, events
    assert sum(run.deaths > 0 for run in passed) > CHUNK / 5
    assert sum(run.given_up > 0 for run in passed) > CHUNK / 5
    assert sum(0 < run.put_off < run.tracks for run in passed) > CHUNK / 20
    assert sum(run.events.total() > 2 * run.tracks for run in passed) > CHUNK / 20


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


def test_a_failing_seed_reports_how_to_replay_it() -> None:
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
    """The coordinator's class, with `right` replaced by `wrong` in its source."""
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
