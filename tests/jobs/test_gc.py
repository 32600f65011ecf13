"""`jobs/gc.py`, run as a script the way Ray starts it."""

import json
import subprocess
import sys
from pathlib import Path

from verify.outputs import two_runs

from genre_batch.sink import layout
from genre_batch.storage.local import LocalStore

JOB = Path(__file__).parents[2] / "jobs" / "gc.py"


def gc(output: Path, *flags: str) -> dict[str, object]:
    command = [sys.executable, JOB, output, "--json", *flags]
    report: dict[str, object] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return report


def test_it_lists_and_removes(tmp_path: Path) -> None:
    plan, _ = two_runs(LocalStore(), str(tmp_path))
    extra = tmp_path / layout.answers_path(plan, 99)
    extra.write_bytes(b"PAR1")
    assert (gc(tmp_path)["objects"], extra.exists()) == (1, True)
    assert (gc(tmp_path, "--delete")["deleted"], extra.exists()) == (True, False)
    assert gc(tmp_path)["objects"] == 0
